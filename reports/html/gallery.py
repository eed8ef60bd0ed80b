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
from safebench.protocol import ORIGINAL

from .._common.pictures import Pictures
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
        self.quality = _index(run.results.quality, names)
        self.of_quality = quality_metrics([run])
        self.located = [metric for metric in detection_metrics([run]) if metric.subject == "localisation"]
        self.detection = _index(run.results.detection, names)

    def contents(self) -> dict[str, Any]:
        photos = [self._photo(records(rows)) for _, rows in self.samples.groupby("photo", sort=False)]
        return {"run": self.run.label, "photos": photos, "scale": self.pictures.scale if photos else ""}

    def _photo(self, samples: list[Record]) -> dict[str, Any]:
        photo = samples[0]
        ordered = sorted(samples, key=lambda sample: bin_place(sample["bin"]))
        return {
            "name": photo["photo_name"],
            "original": self.pictures.copy(self.folder, photo["original"], photo["photo"]),
            "controls": self._detections(photo["photo"], ORIGINAL),
            "samples": [self._sample(sample) for sample in ordered],
        }

    def _sample(self, sample: Record) -> dict[str, Any]:
        fill, outline = self.pictures.hole(self.folder, sample["mask"], sample["sample"])
        names = {inpainter for name, inpainter in self.quality if name == sample["sample"]}
        return {
            "bin": bin_name(sample["bin"]),
            "mask": sample["mask_name"],
            "hole": fill,
            "outline": outline,
            "composites": [
                self._composite(sample["sample"], name) for name in sorted(names, key=self.run.inpainter_place)
            ],
        }

    def _composite(self, sample: str, inpainter: str) -> dict[str, Any]:
        row = self.quality[sample, inpainter][-1]
        return {
            "inpainter": inpainter,
            "picture": self.pictures.copy(self.folder, row["composite"], f"{sample}.{inpainter}"),
            "figures": _figures(row, self.of_quality),
            "error": row["error"],
            "detections": self._detections(sample, inpainter),
        }

    def _detections(self, sample: str, inpainter: str) -> list[dict[str, Any]]:
        rows = self.detection.get((sample, inpainter), [])
        return [self._detection(row) for row in sorted(rows, key=lambda row: self.run.detector_place(row["detector"]))]

    def _detection(self, row: Record) -> dict[str, Any]:
        plain = row["postprocess"] == NO_POSTPROCESS
        name = f"{row['sample']}.{row['inpainter']}.{row['detector']}" + ("" if plain else f".{row['postprocess']}")
        picture = self.pictures.map(self.folder, row["map"], name)
        extent = f"{picture.low:.2f} to {picture.high:.2f}" if picture.url else "–"
        flagged = {1.0: "yes", 0.0: "no"}.get(row[FLAGGED], "–")
        return {
            "detector": row["detector"] if plain else f"{row['detector']} · {row['postprocess']}",
            "map": picture.url,
            "confidence": self.pictures.map(self.folder, row["confidence"], f"{name}.confidence").url,
            "figures": [*_figures(row, [*self.located, _SCORE]), ["Flagged", flagged], ["Map", extent]],
            "error": row["error"],
        }


def _index(rows: pd.DataFrame, samples: set[str]) -> _Index:
    found: _Index = {}
    for row in records(rows[rows["sample"].isin(samples)]):
        found.setdefault((row["sample"], row["inpainter"]), []).append(row)
    return found


def _figures(row: Record, metrics: Sequence[Metric]) -> list[list[str]]:
    """Name and figure of each metric that this image has."""
    found = [(metric, figure(row, metric.key)) for metric in metrics]
    return [
        [metric.label, number(value.value, metric.digits)]
        for metric, value in found
        if value is not None and not math.isnan(value.value)
    ]
