"""The second stage where forged pictures are given: each is looked at once beside its mask and its original, and taken
into the run's folder as the file that it is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safebench.files import atomic_write
from safebench.keys import digest
from safebench.metrics.catalogue import features
from safebench.protocol import RECEIVED
from safebench.route.job import Job
from safebench.route.link import Link
from safebench.route.picture import Picture
from safebench.route.plan import Received
from safebench.route.received_worker import ReceivedWorker
from safebench.runs import schema
from safebench.runs.record import ModelRecord
from safebench.work.tasks import Failure, FileRef, Item, Result

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual


@dataclass(frozen=True)
class Maker:
    """Who made forged pictures that are given: what stands in the tables where an inpainter does."""

    label: str

    @property
    def identity(self) -> str:
        """Of the name alone: a picture's rows depend on its file's sha256."""
        return digest("maker", self.label)[:16]

    @property
    def shard(self) -> int:
        """Nothing is called."""
        return 0

    def record(self, title: str) -> ModelRecord:
        """What run.json says of it; `title` is that of the set."""
        return ModelRecord(
            identity=self.identity,
            title=f"{self.label}, of {title}",
            summary="Pictures that were given, made elsewhere.",
            family=RECEIVED,
            assemblies=(RECEIVED,),
        )


class ReceivedLink(Link):
    """The pictures of one maker.

    lpips_net, perceptual: as for `InpaintLink`.
    """

    title = "Measuring"
    table = "quality"
    own_steps = frozenset({"read", "mask", "quality"})

    def __init__(self, job: Job, maker: Maker, lpips_net: str = "", perceptual: Perceptual | None = None) -> None:
        worker = ReceivedWorker(job.config.device, lpips_net, job.config.metrics)
        if perceptual is not None:
            worker.perceptual = perceptual
        super().__init__(job, maker, worker)
        self.lpips_net = lpips_net
        self.received = {r.sample.sample: r for r in job.plan.received if r.maker == maker.label}

    def planned(self) -> list[Picture]:
        """The pictures that are given, in the plan's order."""
        return [self._planned(received) for received in self.received.values()]

    def made(self, quality: Mapping[str, Mapping[str, Any]]) -> Iterator[list[Picture]]:
        """The pictures that could be read; `quality` as for `InpaintLink`."""
        rows = {name: quality.get(f"{name} {self.spec.identity} {RECEIVED}") for name in self.received}
        folder = self.job.store.folder
        yield [self._planned(r).as_stored(rows[name], folder) for name, r in self.received.items()]

    def key(self, picture: Picture) -> str:
        """Of the picture's bytes, its hole and original, who made it, and the backbone of LPIPS."""
        return digest("received", picture.content, picture.sample.key, self.spec.identity, self.lpips_net)

    def kept(self, picture: Picture, files: Sequence[str]) -> bool:
        """Whether the picture and what it leaves behind are in the run's folder."""
        del files
        return picture.file.path.exists() and all(path.exists() for path in self._features(picture).values())

    def item(self, picture: Picture) -> Item:
        """The picture where it lies, its mask, its original where that could be read, and what it left behind."""
        sample = picture.sample
        mask = FileRef(Path(sample.mask_name), self.job.hole(sample).read())  # errors name the set's own file
        files = {"picture": FileRef(self.received[sample.sample].path), "mask": mask}
        if sample.original and sample.photo not in self.job.unusable:
            files["original"] = self.job.original(sample)
        files |= {kind: FileRef(path) for kind, path in self._features(picture).items() if path.exists()}
        return Item(picture.name, files)

    def row(self, picture: Picture, result: Result) -> dict[str, Any]:
        """The row of the quality table; takes the picture's file into the run's folder."""
        row: dict[str, Any] = {"key": self.key(picture), "lpips_net": self.lpips_net, **picture.columns()}
        row["composite_sha256"] = picture.content
        if not isinstance(result, Failure):
            data = self.received[picture.sample.sample].path.read_bytes()
            if hashlib.sha256(data).hexdigest() == picture.content == result.values["composite_sha256"]:
                atomic_write(picture.file.path, data)
                for kind, path in self._features(picture).items():
                    if kind in result.files:
                        atomic_write(path, result.files[kind].read())
                composite = self.job.store.relative(picture.file.path)
                return {**row, **result.values, "composite": composite, "error": "", "error_step": ""}
            result = Failure("read", "the file was changed while the run was at work; run again")
        figures = dict.fromkeys(("hole_ratio", *schema.metric_columns("quality", self.job.metrics)), math.nan)
        return {**row, **self._failed(result, {**figures, "composite": ""})}

    def _features(self, picture: Picture) -> dict[str, Path]:
        """Where lies what the picture and its original leave behind, by `received NAME` and `original NAME`."""
        store, names = self.job.store, features(self.job.metrics, "composite")
        of = {RECEIVED: store.relative(picture.file.path)}
        if picture.sample.original and picture.sample.photo not in self.job.unusable:
            of["original"] = picture.sample.original
        return {f"{kind} {name}": store.feature(name, path) for name in names for kind, path in of.items()}

    def _planned(self, received: Received) -> Picture:
        sample, label = received.sample, self.spec.label
        key = digest("received", received.content, sample.key)
        place = self.job.store.composite(label, sample.sample, key).with_suffix(received.path.suffix.lower())
        return Picture(
            sample,
            label,
            self.spec.identity,
            RECEIVED,
            received.content,
            FileRef(place),
            self.job.hole(sample),
            failure=self.job.unusable.get(sample.sample),
        )
