"""The gallery: photo, hole, composite, and what each detector makes of it, with the figures of that one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from safebench.metrics.detection_rate import COLUMN as FLAGGED
from safebench.metrics.metric import Metric
from safebench.metrics.score import SCORE
from safebench.protocol import ORIGINAL, SPLICED
from safebench.results.conditions import in_order

from .._common.pictures import Pictures, moved_mask
from .._common.runs import NO_POSTPROCESS, Record, Run, detection_metrics, quality_metrics, records
from .._common.words import bin_name, bin_place, figure, number

_SCORE = replace(SCORE, name="Score")
_Index = dict[tuple[str, str], list[Record]]


def gallery(runs: Sequence[Run], pictures: Pictures) -> list[dict[str, Any]]:
    """What gallery.js shows, run by run; the pictures are written on the way.  Runs without a gallery are left out."""
    shown = [_Shelf(run, pictures).contents() for run in runs]
    return [shelf for shelf in shown if shelf["photos"]]


class _Shelf:
    """The gallery of one run."""

    def __init__(self, run: Run, pictures: Pictures) -> None:
        self.run = run
        self.folder = run.folder({})
        self.pictures = pictures
        samples = run.results.samples
        self.samples = samples[samples["gallery"]]
        names = {*self.samples["sample"], *self.samples["photo"]}
        parts = run.of_each_assembly
        self.quality = {part.assembly: _index(part.results.quality, names) for part in parts}
        self.of_quality = quality_metrics(parts)
        self.located = [metric for metric in detection_metrics(parts) if metric.subject == "localisation"]
        self.detection = {part.assembly: _index(part.results.detection, names) for part in parts}
        rows = [row for index in self.detection.values() for held in index.values() for row in held]
        self.conditions = in_order(row["postprocess"] for row in rows)

    def contents(self) -> dict[str, Any]:
        photos = [self._photo(records(rows)) for _, rows in self.samples.groupby("photo", sort=False)]
        return {
            "run": self.run.label,
            "photos": photos,
            "assemblies": list(self.quality),
            "conditions": self.conditions,
            "scale": self.pictures.scale if photos else "",
        }

    def _photo(self, samples: list[Record]) -> dict[str, Any]:
        photo = samples[0]
        ordered = sorted(samples, key=lambda sample: bin_place(sample["bin"]))
        original = self.pictures.copy(self.folder, photo["original"], photo["photo"])
        seen = self.detection[self.run.assembly].get((photo["photo"], ORIGINAL), [])
        return {
            "name": photo["photo_name"],
            "original": original,
            "controls": self._detections(seen, original, ""),
            "samples": [self._sample(sample) for sample in ordered],
        }

    def _sample(self, sample: Record) -> dict[str, Any]:
        outline = self.pictures.outline(self.folder, sample["mask"], sample["sample"])
        made = [
            rows[-1] for index in self.quality.values() for (name, _), rows in index.items() if name == sample["sample"]
        ]
        made.sort(key=lambda row: self.run.inpainter_place(row["inpainter"]))  # stable: the usual assembly first
        return {
            "id": sample["sample"],
            "bin": bin_name(sample["bin"]),
            "mask": sample["mask_name"],
            "hole": self.pictures.hole(self.folder, sample["mask"], sample["sample"]),
            "outline": outline,
            "composites": [self._composite(row, outline) for row in made],
        }

    def _composite(self, row: Record, outline: str) -> dict[str, Any]:
        sample, inpainter, assembly = row["sample"], row["inpainter"], row["assembly"]
        picture = self.pictures.copy(self.folder, row["composite"], _named(row))
        seen = self.detection[assembly].get((sample, inpainter), [])
        return {
            "inpainter": inpainter,
            "assembly": assembly,
            "picture": picture,
            "figures": _figures(row, self.of_quality),
            "error": row["error"],
            "detections": self._detections(seen, picture, outline),
        }

    def _detections(self, rows: list[Record], picture: str, outline: str) -> list[dict[str, Any]]:
        ordered = sorted(rows, key=lambda row: self.run.detector_place(row["detector"]))
        return [self._detection(row, picture, outline) for row in ordered]

    def _detection(self, row: Record, picture: str, outline: str) -> dict[str, Any]:
        """What one detector said, with the picture that it was shown and that picture's hole."""
        if row["postprocess"] != NO_POSTPROCESS:
            shown = f"{_named(row)}.{row['postprocess']}"
            picture = self.pictures.copy(self.folder, row["picture"], shown)
            outline = self.pictures.outline(self.folder, moved_mask(row), shown) or outline
        name = f"{_named(row)}.{row['detector']}"
        name += "" if row["postprocess"] == NO_POSTPROCESS else f".{row['postprocess']}"
        map_ = self.pictures.map(self.folder, row["map"], name)
        extent = f"{map_.low:.2f} to {map_.high:.2f}" if map_.url else "–"
        flagged = {1.0: "yes", 0.0: "no"}.get(row[FLAGGED], "–")
        return {
            "detector": row["detector"],
            "condition": row["postprocess"],
            "shown": picture,
            "outline": outline,
            "map": map_.url,
            "confidence": self.pictures.map(self.folder, row["confidence"], f"{name}.confidence").url,
            "figures": [*_figures(row, [*self.located, _SCORE]), ["Flagged", flagged], ["Map", extent]],
            "error": row["error"],
        }


def _named(row: Record) -> str:
    """What the picture of a row is called among the gallery's files."""
    parts = (row["sample"], row["inpainter"], *([] if row["assembly"] in ("", SPLICED) else [row["assembly"]]))
    return ".".join(parts)


def _index(rows: pd.DataFrame, samples: set[str]) -> _Index:
    by_sample: _Index = {}
    for row in records(rows[rows["sample"].isin(samples)]):
        by_sample.setdefault((row["sample"], row["inpainter"]), []).append(row)
    return by_sample


def _figures(row: Record, metrics: Sequence[Metric]) -> list[list[str]]:
    """Name and figure of each metric that this image has."""
    values = [(metric, figure(row, metric.key)) for metric in metrics]
    return [
        [metric.label, number(value.value, metric.digits)]
        for metric, value in values
        if value is not None and not math.isnan(value.value)
    ]
