"""The third stage: each detector looks at the untouched photos, once, and at every composite."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from safebench.files import atomic_write
from safebench.keys import digest
from safebench.metrics.catalogue import features
from safebench.models.specs import ModelSpec
from safebench.route.detect_worker import DetectWorker
from safebench.route.job import Job
from safebench.route.link import Link
from safebench.route.picture import Picture
from safebench.runs import schema
from safebench.work.tasks import Failure, FileRef, Item, Result


def originals(job: Job) -> list[Picture]:
    """The untouched photos."""
    samples = job.plan.first_of_each_photo()
    return [Picture.of_original(s, job.store.folder, job.unusable.get(s.photo)) for s in samples]


class DetectLink(Link[Picture]):
    """One detector over pictures; a group are the untouched photos, or the pictures of one inpainter."""

    title = "Detecting"
    table = "detection"
    own_steps = frozenset({"detect"})

    def __init__(self, job: Job, spec: ModelSpec) -> None:
        super().__init__(job, spec, DetectWorker(spec, job.config.device, job.config.metrics))

    def key(self, subject: Picture) -> str:
        """Of the picture's content, its hole, who made it, and the detector's version, weights and seed."""
        made_of = (subject.content, subject.origin, subject.maker_id, subject.postprocess)
        return digest("detect", *made_of, self.spec.identity)

    def failure(self, subject: Picture) -> Failure | None:
        """Why there is no such picture."""
        return subject.failure

    def kept(self, subject: Picture, file: str) -> bool:
        """Whether the map is there, where one is to be kept."""
        if not all(path.exists() for path in self._features(subject).values()):
            return False
        return not self._keeps_map(subject) or (file != "" and (self.job.store.folder / file).exists())

    def name(self, subject: Picture) -> str:
        """The picture's."""
        return subject.name

    def item(self, subject: Picture) -> Item:
        """The picture, and the hole where there is one."""
        hole = {} if subject.mask is None else {"mask": subject.mask}
        return Item(subject.name, {"image": subject.file, **hole}, self._keeps_map(subject))

    def row(self, subject: Picture, result: Result) -> dict[str, Any]:
        """The row of the detection table; writes the maps."""
        row: dict[str, Any] = {
            "key": self.key(subject),
            "sample_key": subject.origin,
            "inpainter_id": subject.maker_id,
            "detector_id": self.spec.identity,
            "sample": subject.name,
            "photo": subject.sample.photo,
            "dataset": subject.sample.dataset,
            "bin": "" if subject.is_original else subject.sample.bin,
            "inpainter": subject.maker,
            "postprocess": subject.postprocess,
            "detector": self.spec.label,
        }
        if isinstance(result, Failure):
            blank = dict.fromkeys(schema.metric_columns("detection", self.job.metrics), math.nan)
            no_file = {"map": "", "confidence": ""}
            return {**row, **blank, **no_file, "error": self.job.fail(result).error, "error_step": result.step}
        files = {kind: self._keep(subject, kind, result.files.get(kind)) for kind in ("map", "confidence")}
        for name, path in self._features(subject).items():
            atomic_write(path, result.files[name].read())
        return {**row, **result.values, **files, "error": "", "error_step": ""}

    def _features(self, picture: Picture) -> dict[str, Path]:
        """Where lies what the map leaves behind, by name; nothing of a picture without a hole."""
        names = () if picture.is_original else features(self.job.metrics, "map")
        return {name: self.job.store.feature(name, self.key(picture)) for name in names}

    def _keeps_map(self, picture: Picture) -> bool:
        return self.job.config.keep_maps or picture.sample.gallery

    def _keep(self, picture: Picture, kind: str, file: FileRef | None) -> str:
        if file is None:
            return ""
        path = self.job.store.map(picture.maker, self.spec.label, picture.name, self.key(picture), kind)
        atomic_write(path, file.read())
        return self.job.store.relative(path)
