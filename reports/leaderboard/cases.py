"""Pictures that a row opens to: the gallery's samples, and where a model did best and worst."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safebench.metrics.auc import AUC, CHANCE
from safebench.metrics.metric import View
from safebench.metrics.score import SCORE
from safebench.protocol import ORIGINAL
from safebench.results.traces import PIXEL, strongest

from .._common.pictures import Pictures, moved_mask
from .._common.ranking import all_bins
from .._common.runs import NO_POSTPROCESS, Record, Run, records
from .._common.standings import Standings
from .._common.words import bin_name, number

SHOWN = 6
EXTREMES = 3
_DETECTION = (
    "dataset",
    "postprocess",
    "sample",
    "inpainter",
    "detector",
    "bin",
    AUC.column,
    SCORE.column,
    "map",
    "picture",
    "run",
)


class Cases:
    """Chooses and writes the pictures of one table's models."""

    def __init__(self, run: Run, standings: Standings, pictures: Pictures) -> None:
        self.run = run
        self.standings = standings
        self.pictures = pictures
        detection = run.results.detection
        spoken_of = {name: run.claims.place(name)[1] for name in detection["dataset"].unique()}
        shown = detection["postprocess"] == detection["dataset"].map(spoken_of)
        self.detection = detection.loc[shown, [name for name in _DETECTION if name in detection]]
        self.places = self.detection.groupby(["inpainter", "detector"], sort=False).indices
        samples = run.results.samples
        self.samples = {
            name: (mask, photo)
            for name, mask, photo in zip(samples["sample"], samples["mask"], samples["photo_name"], strict=True)
        }
        self.gallery = set(samples.loc[samples["gallery"], "sample"])
        self.auc = self.detection[AUC.column].to_numpy(dtype=float)
        self.in_gallery = self.detection["sample"].isin(self.gallery).to_numpy(dtype=bool)
        quality = run.results.quality
        runs = quality["run"] if "run" in quality else [None] * len(quality)
        folders = {label: self._folder(label) for label in set(runs)}
        self.composites = {
            (sample, inpainter): (path, folders[run_])
            for sample, inpainter, path, run_ in zip(
                quality["sample"], quality["inpainter"], quality["composite"], runs, strict=True
            )
        }

    def _folder(self, label: str | None) -> Path:
        return self.run.folder({} if label is None else {"run": label})

    def of(self, view: View, name: str) -> list[dict[str, Any]]:
        """Rows of pictures with a heading each."""
        if view == "inpainter":
            finder = self._finder(name)
            rows = self._rows([(name, finder)])
            best, worst = f"Hidden best from {finder}", f"Found best by {finder}"
            first = sorted(rows, key=lambda row: (AUC.trace(row[AUC.column]), row["sample"]))
            last = sorted(rows, key=_found_first)
        else:
            rows = self._rows([(inpainter, name) for inpainter in self.standings.pooled_inpainters])
            best, worst = "Found best", "Missed most"
            first = sorted(rows, key=_found_first)
            last = sorted(rows, key=lambda row: (row[AUC.column], row["sample"]))
        extremes = EXTREMES if len(rows) > EXTREMES else 0
        parts = [
            ("Gallery", list(self._gallery(view, name, rows))),
            (best, [self._shot(row) for row in first[:extremes]]),
            (worst, [self._shot(row) for row in last[:extremes]]),
        ]
        shelves = [{"title": title, "shots": [shot for shot in shots if shot]} for title, shots in parts]
        return [shelf for shelf in shelves if shelf["shots"]]

    def _finder(self, inpainter: str) -> str:
        """The detector that finds an inpainter best, all bins together."""
        datasets = {row["dataset"] for row in self.run.detection}
        cells = [row for dataset in datasets for row in all_bins(self.run, dataset)]
        rows = [row for row in cells if row["inpainter"] == inpainter]
        best = strongest(rows, PIXEL)
        return str(best["detector"]) if best else ""

    def _rows(self, keys: Sequence[tuple[str, str]]) -> list[Record]:
        """The rows of which the extremes and the gallery can be: few of many."""
        rows: list[Record] = []
        for key in keys:
            places = self.places.get(key)
            if places is None or key[0] == ORIGINAL:
                continue
            auc = self.auc[places]
            places, auc = places[~np.isnan(auc)], auc[~np.isnan(auc)]
            extreme = [order[:EXTREMES] for order in map(np.argsort, (auc, -auc, np.abs(auc - CHANCE)))]
            kept = {*places[np.concatenate(extreme)], *places[self.in_gallery[places]]} if len(places) else set()
            rows += records(self.detection.iloc[sorted(kept)])
        return rows

    def _gallery(self, view: View, name: str, rows: Sequence[Record]) -> Iterator[dict[str, Any]]:
        if view == "inpainter" and not rows:  # nobody looked, or everything failed: the composites alone
            quality = self.run.results.quality
            own = quality[(quality["inpainter"] == name) & quality["sample"].isin(self.gallery)]
            rows = [{**row, AUC.column: math.nan, "map": "", SCORE.column: math.nan} for row in records(own)]
        shown = [row for row in rows if row["sample"] in self.gallery and (view == "inpainter" or row["map"])]
        step = max(1, len(shown) // SHOWN)
        for row in shown[::step][:SHOWN]:
            yield self._shot(row)

    def _shot(self, row: Record) -> dict[str, Any]:
        """What the detector was shown, the hole's outline, and the map over it where it was kept.

        Where that picture was not kept it is the composite, without a map; {} where there is none either.
        """
        name = f"{row['sample']}.{row['inpainter']}"
        path, place = self.composites.get((row["sample"], row["inpainter"]), ("", None))
        picture = self.pictures.copy(place, path, name) if place else ""
        if place is None or not picture:
            return {}
        mask, photo = self.samples[row["sample"]]
        folder = self.run.folder(row)
        outline, map_ = self.pictures.outline(place, mask, row["sample"]), row["map"]
        if row.get("postprocess", NO_POSTPROCESS) != NO_POSTPROCESS:
            name += f".{row['postprocess']}"
            shown = self.pictures.copy(folder, row["picture"], name)
            picture, map_ = shown or picture, map_ if shown else ""
            outline = self.pictures.outline(folder, moved_mask(row), name) or outline
        laid = self.pictures.map(folder, map_, f"{name}.{row.get('detector', '')}") if map_ else None
        figures = [["AUC", number(row[AUC.column])], ["score", number(row[SCORE.column])]]
        return {
            "picture": picture,
            "outline": outline,
            "map": laid.url if laid else "",
            "title": f"{row['inpainter']}, {bin_name(row['bin'])}",
            "photo": photo,
            "figures": figures if not math.isnan(row[AUC.column]) else [],
        }


def _found_first(row: Record) -> tuple[float, str]:
    return -row[AUC.column], row["sample"]
