"""The third stage: each detector looks at the untouched photos, once, and at every composite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safebench.files import atomic_write
from safebench.keys import digest
from safebench.models.specs import ModelSpec
from safebench.protocol import ORIGINAL
from safebench.route.detect_worker import DetectWorker
from safebench.route.inpaint import composite_key
from safebench.route.job import Job, batches
from safebench.route.plan import Sample
from safebench.runs import schema
from safebench.work.tasks import Failure, FileRef, Item, Result, Task

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


def composites(job: Job, who: ModelSpec, quality: Mapping[str, Mapping[str, Any]]) -> list[View]:
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

    def __init__(self, job: Job, who: ModelSpec) -> None:
        self.job = job
        self.who = who
        self.worker = DetectWorker(who, job.config.device)

    def key(self, view: View) -> str:
        """Of all that a row depends on: the image's content, its hole, and the detector's version, weights and seed."""
        hole = view.sample.photo_key if view.is_original else view.sample.key
        return digest("detect", view.content, hole, view.inpainter_id, _NO_POSTPROCESS, self.who.identity)

    def run(self, groups: Sequence[Sequence[View]], done: Mapping[str, str]) -> None:
        """Make what is missing; `done` maps the keys of rows that went well to the map each has kept, or "".

        groups: the untouched photos, and each inpainter's composites.  No batch holds views of two groups, so that an
        inpainter added later leaves the batches of the others as they were.
        """
        job = self.job
        job.watcher.begin(f"Detecting: {self.who.label}", sum(map(len, groups)))
        tasks = []
        for batch in (batch for views in groups for batch in batches(views, job.batch_size)):
            todo = [view for view in batch if not self._is_done(view, done)]
            if todo:
                tasks.append(Task(tuple(todo), batch, self._items))
            job.watcher.advance(len(batch) - len(todo), fresh=False)
        job.save("detection", self.who, job.executor.run(self.worker, tasks, self._rows))

    def _is_done(self, view: View, done: Mapping[str, str]) -> bool:
        kept = done.get(self.key(view))
        if kept is None:
            return False
        return not self._keeps_map(view) or (kept != "" and (self.job.store.folder / kept).exists())

    def _keeps_map(self, view: View) -> bool:
        return self.job.config.keep_maps or view.sample.gallery

    def _items(self, batch: Sequence[View]) -> list[Item]:
        return [self._item(view) for view in batch if view.failure is None]

    def _item(self, view: View) -> Item:
        hole = {} if view.is_original else {"mask": self.job.hole(view.sample)}
        return Item(view.name, {"image": FileRef(view.path), **hole}, self._keeps_map(view))

    def _rows(self, todo: Sequence[View], results: dict[str, Result]) -> list[dict[str, Any]]:
        """Write the maps and give the rows."""
        return [self._row(view, view.failure or results[view.name]) for view in todo]

    def _row(self, view: View, result: Result) -> dict[str, Any]:
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
        files = {kind: self._keep(view, kind, result.files.get(kind)) for kind in ("map", "confidence")}
        return {**row, **result.values, **files, "error": "", "error_step": ""}

    def _keep(self, view: View, kind: str, file: FileRef | None) -> str:
        if file is None:
            return ""
        path = self.job.store.map(view.inpainter, self.who.label, view.name, self.key(view), kind)
        atomic_write(path, file.read())
        return self.job.store.relative(path)
