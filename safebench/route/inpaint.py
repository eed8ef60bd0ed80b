"""The second stage: each inpainter fills every hole once, and each composite's quality is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safebench.files import atomic_write
from safebench.keys import digest
from safebench.metrics.catalogue import features
from safebench.models.specs import ModelSpec
from safebench.route.inpaint_worker import InpaintWorker
from safebench.route.job import Job
from safebench.route.link import Link
from safebench.route.picture import Picture
from safebench.route.plan import Sample
from safebench.runs import schema
from safebench.work.tasks import Failure, FileRef, Item, Result

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual


class InpaintLink(Link[Sample]):
    """One inpainter over the samples.

    lpips_net: the backbone that LPIPS comes from, or "" where none is at hand.
    perceptual: that backbone, one for all inpainters with what it remembers of the photos; None: the worker loads it.
    """

    title = "Inpainting"
    table = "quality"
    own_steps = frozenset({"inpaint", "quality"})

    def __init__(self, job: Job, spec: ModelSpec, lpips_net: str, perceptual: Perceptual | None = None) -> None:
        worker = InpaintWorker(spec, job.config.device, lpips_net, job.config.metrics)
        if perceptual is not None:
            worker.perceptual = perceptual
        super().__init__(job, spec, worker)
        self.lpips_net = lpips_net
        self._keys: dict[str, str] = {}

    def key(self, subject: Sample) -> str:
        """Of the composite and the backbone."""
        return digest("quality", self._composite_key(subject), self.lpips_net)

    def failure(self, subject: Sample) -> Failure | None:
        """Whether the photo or the mask could not be read."""
        return self.job.why_unusable(subject)

    def kept(self, subject: Sample, file: str) -> bool:
        """Whether the composite is there."""
        del file  # its name follows from the key
        return self.path(subject).exists() and all(path.exists() for path in self._features(subject).values())

    def path(self, sample: Sample) -> Path:
        """Where the sample's composite lies."""
        return self.job.store.composite(self.spec.label, sample.sample, self._composite_key(sample))

    def name(self, subject: Sample) -> str:
        """The sample's."""
        return subject.sample

    def item(self, subject: Sample) -> Item:
        """The photo, the hole, and the composite where one is there from an earlier run."""
        files = {"original": self.job.original(subject), "mask": self.job.hole(subject)}
        if (path := self.path(subject)).exists():
            files["composite"] = FileRef(path)
        files |= {kind: FileRef(path) for kind, path in self._features(subject).items() if path.exists()}
        return Item(subject.sample, files)

    def row(self, subject: Sample, result: Result) -> dict[str, Any]:
        """The row of the quality table; writes the composite."""
        row: dict[str, Any] = {
            "key": self.key(subject),
            "sample_key": subject.key,
            "inpainter_id": self.spec.identity,
            "lpips_net": self.lpips_net,
            "sample": subject.sample,
            "photo": subject.photo,
            "dataset": subject.dataset,
            "bin": subject.bin,
            "inpainter": self.spec.label,
        }
        if isinstance(result, Failure):
            blank = dict.fromkeys(("hole_ratio", *schema.metric_columns("quality", self.job.metrics)), math.nan)
            no_file = {"composite": "", "composite_sha256": ""}
            return {**row, **blank, **no_file, "error": self.job.fail(result).error, "error_step": result.step}
        path = self.path(subject)
        if "composite" in result.files:
            atomic_write(path, result.files["composite"].read())
        for kind, feature in self._features(subject).items():
            if kind in result.files:
                atomic_write(feature, result.files[kind].read())
        return {**row, **result.values, "composite": self.job.store.relative(path), "error": "", "error_step": ""}

    def _features(self, sample: Sample) -> dict[str, Path]:
        """Where lies what the composite and the original leave behind, by `composite NAME` and `original NAME`."""
        store = self.job.store
        of = {"composite": store.relative(self.path(sample)), "original": sample.original}
        names = features(self.job.metrics, "composite")
        return {f"{kind} {name}": store.feature(name, path) for name in names for kind, path in of.items()}

    def pictures(self, quality: Mapping[str, Mapping[str, Any]]) -> list[Picture]:
        """What became of the samples; `quality` maps sample and inpainter_id to the stored row."""
        return [self._picture(s, quality.get(f"{s.sample} {self.spec.identity}")) for s in self.job.plan.samples]

    def _picture(self, sample: Sample, row: Mapping[str, Any] | None) -> Picture:
        mask = self.job.hole(sample)
        if row is None or row["error"]:
            why = Failure("inpaint", "no composite") if row is None else Failure(row["error_step"], row["error"])
            content, file = self._composite_key(sample), FileRef(Path())
            return Picture(sample, self.spec.label, self.spec.identity, content, file, mask, failure=why)
        file = FileRef(self.job.store.folder / row["composite"])
        return Picture(sample, self.spec.label, self.spec.identity, row["composite_sha256"], file, mask)

    def _composite_key(self, sample: Sample) -> str:
        """Of all that a composite depends on: photo, mask, size, protocol; the model's version, weights and seed."""
        if sample.key not in self._keys:
            self._keys[sample.key] = digest("inpaint", sample.key, self.spec.identity)
        return self._keys[sample.key]
