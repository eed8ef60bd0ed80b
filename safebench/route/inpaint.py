"""The second stage: each inpainter fills every hole once, and each composite's quality is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safebench.files import atomic_write
from safebench.keys import digest
from safebench.models.specs import ModelSpec
from safebench.route.inpaint_worker import InpaintWorker
from safebench.route.job import Job, batches
from safebench.route.plan import Sample
from safebench.runs import schema
from safebench.work.tasks import Failure, FileRef, Item, Result, Task

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual


def composite_key(sample: Sample, who: ModelSpec) -> str:
    """Of all that a composite depends on: photo, mask, size, protocol; the model's version, weights and seed."""
    return digest("inpaint", sample.key, who.identity)


@dataclass
class Inpainting:
    """One inpainter over the whole plan.

    lpips_net: the backbone that LPIPS comes from, or "" where none is at hand.
    perceptual: that backbone; None also where `pending` says that nothing has to be measured.
    """

    job: Job
    who: ModelSpec
    lpips_net: str
    perceptual: Perceptual | None
    _keys: dict[str, str] = field(default_factory=dict, repr=False)

    def quality_key(self, sample: Sample) -> str:
        """Of all that a quality row depends on."""
        return digest("quality", self._composite_key(sample), self.lpips_net)

    def path(self, sample: Sample) -> Path:
        """Where the sample's composite lies."""
        return self.job.store.composite(self.who.label, sample.sample, self._composite_key(sample))

    def _composite_key(self, sample: Sample) -> str:
        if sample.key not in self._keys:
            self._keys[sample.key] = composite_key(sample, self.who)
        return self._keys[sample.key]

    def pending(self, done: set[str]) -> bool:
        """Whether a sample that can be had still has to be filled or measured."""
        return any(not self._is_done(s, done) for s in self.job.plan.samples if not self.job.why_unusable(s))

    def _is_done(self, s: Sample, done: set[str]) -> bool:
        return self.quality_key(s) in done and self.path(s).exists()

    def run(self, done: set[str]) -> None:
        """Make what is missing; `done` holds the keys of the quality rows that went well."""
        job = self.job
        job.watcher.begin(f"Inpainting: {self.who.label}", len(job.plan.samples))
        tasks = []
        for batch in batches(job.plan.samples, job.batch_size):
            todo = [s for s in batch if not self._is_done(s, done)]
            if todo:
                tasks.append(Task(tuple(todo), batch, self._items))
            job.watcher.advance(len(batch) - len(todo), fresh=False)
        worker = InpaintWorker(self.who, job.config.device, self.lpips_net)
        if self.perceptual is not None:
            worker.perceptual = self.perceptual  # one for all inpainters, with what it remembers of the photos
        job.save("quality", self.who, job.executor.run(worker, tasks, self._rows))

    def _items(self, batch: Sequence[Sample]) -> list[Item]:
        return [self._item(s) for s in batch if not self.job.why_unusable(s)]

    def _item(self, s: Sample) -> Item:
        files = {"original": self.job.original(s), "mask": self.job.hole(s)}
        if (path := self.path(s)).exists():
            files["composite"] = FileRef(path)
        return Item(s.sample, files)

    def _rows(self, todo: Sequence[Sample], results: dict[str, Result]) -> list[dict[str, Any]]:
        """Write the composites and give the rows."""
        return [self._row(s, self.job.why_unusable(s) or results[s.sample]) for s in todo]

    def _row(self, s: Sample, result: Result) -> dict[str, Any]:
        row: dict[str, Any] = {
            "key": self.quality_key(s),
            "sample_key": s.key,
            "inpainter_id": self.who.identity,
            "lpips_net": self.lpips_net,
            "sample": s.sample,
            "photo": s.photo,
            "dataset": s.dataset,
            "bin": s.bin,
            "inpainter": self.who.label,
        }
        if isinstance(result, Failure):
            blank = dict.fromkeys(("hole_ratio", *schema.QUALITY_METRICS), math.nan)
            no_file = {"composite": "", "composite_sha256": ""}
            return {**row, **blank, **no_file, "error": self.job.fail(result).error, "error_step": result.step}
        path = self.path(s)
        if "composite" in result.files:
            atomic_write(path, result.files["composite"].read())
        return {**row, **result.values, "composite": self.job.store.relative(path), "error": "", "error_step": ""}
