"""The third stage: each detector looks at the untouched photos, once, and at every composite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from safebench import models, schema
from safebench.contracts import Detector
from safebench.images import read_photo, save_png
from safebench.keys import digest
from safebench.metrics.localisation import localise
from safebench.participants import Participant
from safebench.planning import Sample
from safebench.protocol import ORIGINAL, THRESHOLD
from safebench.stages.inpaint import composite_key
from safebench.stages.job import Failure, Job, batches, each_or_failure

_NO_POSTPROCESS = "none"


@dataclass(frozen=True)
class View:
    """One image that a detector is shown: an untouched photo (`inpainter` is "original") or a composite."""

    sample: Sample
    inpainter: str
    inpainter_id: str
    content: str
    path: Path
    failure: Failure | None = None

    @property
    def is_original(self) -> bool:
        """Whether it is an untouched photo, which has no hole to find."""
        return self.inpainter == ORIGINAL

    @property
    def name(self) -> str:
        """The row's sample: for an untouched photo, the photo."""
        return self.sample.photo if self.is_original else self.sample.sample


def originals(job: Job) -> list[View]:
    """The untouched photos."""
    return [
        View(s, ORIGINAL, "", s.photo_key, job.store.folder / s.original, job.unusable.get(s.photo))
        for s in job.plan.first_of_each_photo()
    ]


def composites(job: Job, who: Participant, quality: Mapping[str, Mapping[str, Any]]) -> list[View]:
    """An inpainter's composites; `quality` maps sample and inpainter_id to the stored row."""
    views = []
    for s in job.plan.samples:
        row = quality.get(f"{s.sample} {who.identity}")
        if row is None or row["error"]:
            why = Failure("inpaint", "no composite") if row is None else Failure(row["error_step"], row["error"])
            views.append(View(s, who.label, who.identity, composite_key(s, who), Path(), why))
        else:
            path = job.store.folder / row["composite"]
            views.append(View(s, who.label, who.identity, row["composite_sha256"], path))
    return views


class Detecting:
    """One detector over untouched photos and composites."""

    def __init__(self, job: Job, who: Participant) -> None:
        self.job = job
        self.who = who

    @cached_property
    def model(self) -> Detector:
        """Loaded when the first image has to be looked at."""
        return self.who.load_detector(self.job.config.device)

    def key(self, view: View) -> str:
        """Of all that a row depends on: the image's content, its hole, and the detector's version, weights and seed."""
        hole = view.sample.photo_key if view.is_original else view.sample.key
        return digest("detect", view.content, hole, view.inpainter_id, _NO_POSTPROCESS, self.who.identity)

    def run(self, views: Sequence[View], done: Mapping[str, str]) -> None:
        """Make what is missing; `done` maps the keys of rows that went well to the map each has kept, or ""."""
        self.job.watcher.begin(f"Detecting: {self.who.label} on {views[0].inpainter}", len(views))
        for batch in batches(views, self.job.config.batch_size):
            todo = [view for view in batch if not self._is_done(view, done)]
            if todo:
                self.job.store.append("detection", self._batch(batch, todo))
            self.job.watcher.advance(len(batch) - len(todo), fresh=False)
            self.job.watcher.advance(len(todo))

    def _is_done(self, view: View, done: Mapping[str, str]) -> bool:
        kept = done.get(self.key(view))
        if kept is None:
            return False
        return not self._keeps_map(view) or (kept != "" and (self.job.store.folder / kept).exists())

    def _keeps_map(self, view: View) -> bool:
        return self.job.config.keep_maps or view.sample.gallery

    def _batch(self, batch: Sequence[View], todo: Sequence[View]) -> list[dict[str, Any]]:
        usable = [view for view in batch if view.failure is None]
        found = dict(zip([v.name for v in usable], each_or_failure("detect", usable, self._look), strict=True))
        return [self._row(view, view.failure or found[view.name]) for view in todo]

    def _look(self, views: Sequence[View]) -> list[dict[str, Any]]:
        images = np.stack([read_photo(view.path) for view in views])
        found = models.detect(self.model, images, [view.path for view in views])
        rows = []
        for k, view in enumerate(views):
            map_, score = found.maps[k], float(found.scores[k])
            blank = dict.fromkeys(schema.LOCALISATION_METRICS, math.nan)
            located = blank if view.is_original else vars(localise(map_, self.job.hole(view.sample)))
            confidence = None if found.confidence is None else found.confidence[k]
            rows.append(
                {
                    **located,
                    "score": score,
                    "flagged": float(score >= THRESHOLD),
                    "flagged_area": float((map_ >= THRESHOLD).mean()),
                    "map": self._keep(view, map_, "map"),
                    "confidence": self._keep(view, confidence, "confidence"),
                }
            )
        return rows

    def _keep(self, view: View, values: models.Map | None, kind: str) -> str:
        if values is None or not self._keeps_map(view):
            return ""
        path = self.job.store.map(view.inpainter, self.who.label, view.name, self.key(view), kind)
        save_png(path, np.rint(values.astype(np.float64) * 65535).astype(np.uint16))
        return self.job.store.relative(path)

    def _row(self, view: View, result: dict[str, Any] | Failure) -> dict[str, Any]:
        row: dict[str, Any] = {
            "key": self.key(view),
            "sample_key": view.sample.photo_key if view.is_original else view.sample.key,
            "inpainter_id": view.inpainter_id,
            "detector_id": self.who.identity,
            "sample": view.name,
            "photo": view.sample.photo,
            "dataset": view.sample.dataset,
            "bin": "" if view.is_original else view.sample.bin,
            "inpainter": view.inpainter,
            "postprocess": _NO_POSTPROCESS,
            "detector": self.who.label,
        }
        if isinstance(result, Failure):
            blank = dict.fromkeys((*schema.LOCALISATION_METRICS, "score", "flagged", "flagged_area"), math.nan)
            no_file = {"map": "", "confidence": ""}
            return {**row, **blank, **no_file, "error": self.job.fail(result).error, "error_step": result.step}
        return {**row, **result, "error": "", "error_step": ""}
