"""The second stage: each inpainter fills every hole once, and each composite's quality is measured."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from safebench import models, schema
from safebench.contracts import Inpainter
from safebench.images import read_photo, save_png
from safebench.keys import digest
from safebench.metrics.quality import compare
from safebench.participants import Participant
from safebench.planning import Sample
from safebench.stages.job import Failure, Job, batches, each_or_failure

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual


def composite_key(sample: Sample, who: Participant) -> str:
    """Of all that a composite depends on: photo, mask, size, protocol; the model's version, weights and seed."""
    return digest("inpaint", sample.key, who.identity)


@dataclass
class Inpainting:
    """One inpainter over the whole plan.

    lpips_net: the backbone that LPIPS comes from, or "" where none is at hand.
    perceptual: that backbone; None also where `pending` says that nothing has to be measured.
    """

    job: Job
    who: Participant
    lpips_net: str
    perceptual: Perceptual | None

    @cached_property
    def model(self) -> Inpainter:
        """Loaded when the first hole has to be filled, so that a finished run loads nothing."""
        return self.who.load_inpainter(self.job.config.device)

    def quality_key(self, sample: Sample) -> str:
        """Of all that a quality row depends on."""
        return digest("quality", composite_key(sample, self.who), self.lpips_net)

    def path(self, sample: Sample) -> Path:
        """Where the sample's composite lies."""
        return self.job.store.composite(self.who.label, sample.sample, composite_key(sample, self.who))

    def pending(self, done: set[str]) -> bool:
        """Whether a sample that can be had still has to be filled or measured."""
        return any(not self._is_done(s, done) for s in self.job.plan.samples if not self.job.why_unusable(s))

    def _is_done(self, s: Sample, done: set[str]) -> bool:
        return self.quality_key(s) in done and self.path(s).exists()

    def run(self, done: set[str]) -> None:
        """Make what is missing; `done` holds the keys of the quality rows that went well."""
        self.job.watcher.begin(f"Inpainting: {self.who.label}", len(self.job.plan.samples))
        for batch in batches(self.job.plan.samples, self.job.config.batch_size):
            todo = [s for s in batch if not self._is_done(s, done)]
            if todo:
                self.job.store.append("quality", self._batch(batch, todo))
            self.job.watcher.advance(len(batch) - len(todo), fresh=False)
            self.job.watcher.advance(len(todo))

    def _batch(self, batch: Sequence[Sample], todo: Sequence[Sample]) -> list[dict[str, Any]]:
        """The rows of `todo`.  The whole batch is filled where one composite is missing (see `batches`)."""
        failures = {s.sample: failure for s in batch if (failure := self.job.why_unusable(s))}
        usable = [s for s in batch if s.sample not in failures]
        if not all(self.path(s).exists() for s in usable):
            for s, result in zip(usable, each_or_failure("inpaint", usable, self._fill), strict=True):
                if isinstance(result, Failure):
                    failures[s.sample] = self.job.fail(result)
        filled = [s for s in usable if s.sample not in failures]
        measured = dict(zip([s.sample for s in filled], each_or_failure("quality", filled, self._measure), strict=True))
        return [self._row(s, failures.get(s.sample) or measured[s.sample]) for s in todo]

    def _fill(self, samples: Sequence[Sample]) -> list[None]:
        photos = np.stack([self.job.original(s) for s in samples])
        holes = np.stack([self.job.hole(s) for s in samples])
        raw = models.inpaint(self.model, photos, holes)
        for s, image in zip(samples, models.composite(photos, holes, raw), strict=True):
            if not self.path(s).exists():
                save_png(self.path(s), image, provenance(self.who))
        return [None] * len(samples)

    def _measure(self, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        composites = np.stack([read_photo(self.path(s)) for s in samples])
        originals = np.stack([self.job.original(s) for s in samples])
        distances = self.perceptual(composites, originals) if self.perceptual else [math.nan] * len(samples)
        rows = []
        for s, composite, original, lpips in zip(samples, composites, originals, distances, strict=True):
            measured = compare(composite, original, self.job.hole(s))
            rows.append({**vars(measured), "lpips": float(lpips)})
        return rows

    def _row(self, s: Sample, result: dict[str, Any] | Failure) -> dict[str, Any]:
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
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        file = {"composite": self.job.store.relative(path), "composite_sha256": sha256}
        return {**row, **result, **file, "error": "", "error_step": ""}


def provenance(who: Participant) -> dict[str, str]:
    """The PNG text chunk of a composite: nobody should mistake it for a photograph later."""
    sha256 = who.checkpoint.sha256 if who.checkpoint else "none"
    return {"SafeBench": f"inpainted by {who.label} (version {who.entry.card.version}, weights sha256 {sha256})"}
