"""The third stage: each detector looks at the untouched photos, once, and at every picture made of them, as they are
or after post-processing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safebench.exchange.finding import exchange_name
from safebench.files import atomic_write
from safebench.inputs.names import IMAGE_SUFFIXES
from safebench.keys import digest
from safebench.metrics.catalogue import features
from safebench.models.specs import ModelSpec
from safebench.protocol import NO_POSTPROCESS, SPLICED
from safebench.route.chains import Chain
from safebench.route.detect_worker import DetectWorker
from safebench.route.job import Job
from safebench.route.link import Done, Link
from safebench.route.picture import Picture
from safebench.runs import schema
from safebench.work.tasks import Answer, Failure, FileRef, Item, Result


def originals(job: Job) -> list[Picture]:
    """The untouched photos, where they are at hand."""
    samples = [sample for sample in job.plan.first_of_each_photo() if sample.original]
    return [Picture.of_original(s, job.store.folder, job.unusable.get(s.photo)) for s in samples]


def called_outside(name: str, content: str, chain: Chain) -> str:
    """What a picture is called in an exchange with a detector: of its name, its content, and what is done to it."""
    return exchange_name(name, digest("picture", content, chain.identity))


class DetectLink(Link):
    """One detector over pictures; `chains` are the conditions under which it sees each of them.

    A post-processed picture is made again where it is needed, which costs less than its file does.  Kept are those of
    the gallery, and all of a chain that another machine would not repeat to the last bit: these are evidence, and made
    once for all detectors.
    """

    spec: ModelSpec
    title = "Detecting"
    table = "detection"
    own_steps = frozenset({"detect"})

    def __init__(self, job: Job, spec: ModelSpec, chains: Sequence[Chain] = (Chain(),)) -> None:
        self.chains = {chain.label: chain for chain in chains}
        super().__init__(job, spec, DetectWorker(spec, job.config.device, job.config.metrics, self.chains))

    def run(self, groups: Sequence[Sequence[Picture]], done: Done) -> None:
        """Look at every group under every condition."""
        shown = [
            group if label == NO_POSTPROCESS else [replace(picture, postprocess=label) for picture in group]
            for label in self.chains
            for group in groups
        ]
        super().run(shown, done)

    def key(self, picture: Picture) -> str:
        """Of the picture's content, its hole, who made it, what is done to it, and the detector's identity."""
        answer = self.spec.answer(self._called(picture))
        return digest("detect", *self._shown(picture), self.spec.identity, *_unusual(picture), *answer)

    def kept(self, picture: Picture, files: Sequence[str]) -> bool:
        """Whether the map, the post-processed picture and what the map leaves behind are there, as far as they are to
        be kept."""
        if not all(path.exists() for path in self._features(picture).values()):
            return False
        wanted = (self._keeps_map(picture), self._keeps_picture(picture))
        return all(
            not needed or (file != "" and (self.job.store.folder / file).exists())
            for needed, file in zip(wanted, files, strict=True)
        )

    def item(self, picture: Picture) -> Item:
        """The picture, its mask where it has one, and what is kept of it after post-processing."""
        files = {"image": picture.file} if picture.mask is None else {"image": picture.file, "mask": picture.mask}
        keep = {"map"} if self._keeps_map(picture) else set()
        asked = "" if picture.postprocess == NO_POSTPROCESS else picture.postprocess
        if self._keeps_picture(picture):
            keep.add("picture")
            if (path := self._find_picture(picture)) is not None:
                files["shown"] = FileRef(path)
                if (moved := _mask_beside(path)).exists():
                    files["mask"] = FileRef(moved)
        return Item(picture.name, files, frozenset(keep), asked, self._called(picture))

    def row(self, picture: Picture, result: Result) -> dict[str, Any]:
        """The row of the detection table; writes the maps, and the picture where it is to be kept."""
        row: dict[str, Any] = {
            "key": self.key(picture),
            **picture.columns(),
            "detector_id": self.spec.identity,
            "postprocess": picture.postprocess,
            "postprocess_id": self.chains[picture.postprocess].identity,
            "detector": self.spec.label,
        }
        if isinstance(result, Failure):
            figures = dict.fromkeys(schema.metric_columns("detection", self.job.metrics), math.nan)
            files = dict.fromkeys(("map", "confidence", "picture", "picture_sha256"), "")
            return {**row, **self._failed(result, {**figures, **files})}
        files = {kind: self._keep_map(picture, kind, result.files.get(kind)) for kind in ("map", "confidence")}
        files["picture"] = self._keep_picture(picture, result) if self._keeps_picture(picture) else ""
        for name, path in self._features(picture).items():
            atomic_write(path, result.files[name].read())
        return {**row, **result.values, **files, "error": "", "error_step": ""}

    def _features(self, picture: Picture) -> dict[str, Path]:
        """Where lies what the map leaves behind, by name; nothing of a picture without a hole."""
        names = () if picture.is_original else features(self.job.metrics, "map")
        return {name: self.job.store.feature(name, self.key(picture)) for name in names}

    def _called(self, picture: Picture) -> str:
        return called_outside(picture.name, picture.content, self.chains[picture.postprocess])

    def _shown(self, picture: Picture) -> tuple[str, ...]:
        chain = self.chains[picture.postprocess]
        return picture.content, picture.origin, picture.maker_id, chain.identity or NO_POSTPROCESS

    def _keeps_map(self, picture: Picture) -> bool:
        return self.job.config.keep_maps or picture.sample.gallery

    def _keeps_picture(self, picture: Picture) -> bool:
        chain = self.chains[picture.postprocess]
        return bool(chain.steps) and (picture.sample.gallery or not chain.repeatable)

    def _keep_map(self, picture: Picture, kind: str, file: FileRef | None) -> str:
        if file is None:
            return ""
        path = self.job.store.map(picture.maker, self.spec.label, picture.name, self.key(picture), kind)
        atomic_write(path, file.read())
        return self.job.store.relative(path)

    def _keep_picture(self, picture: Picture, result: Answer) -> str:
        path = self._find_picture(picture)
        if path is None:
            file: FileRef = result.files["picture"]
            path = self._picture_path(picture, file.path.suffix)
            if (mask := result.files.get("mask")) is not None:  # first, so that no picture is without it
                atomic_write(_mask_beside(path), mask.read())
            atomic_write(path, file.read())
        return self.job.store.relative(path)

    def _find_picture(self, picture: Picture) -> Path | None:
        """The post-processed picture, where it is there; a file's kind is known only when it is made."""
        places = (self._picture_path(picture, suffix) for suffix in sorted(IMAGE_SUFFIXES))
        return next((place for place in places if place.exists()), None)

    def _picture_path(self, picture: Picture, suffix: str) -> Path:
        key = digest("picture", *self._shown(picture), *_unusual(picture))
        return self.job.store.picture(picture.maker, picture.postprocess, picture.name, key, suffix)


def _unusual(picture: Picture) -> tuple[str, ...]:
    """The assembly, where it is another than the protocol's own: whose keys stay as they were."""
    return () if picture.assembly in ("", SPLICED) else (picture.assembly,)


def _mask_beside(path: Path) -> Path:
    """Where the mask lies that moved along with a post-processed picture."""
    return path.with_suffix(".mask.png")
