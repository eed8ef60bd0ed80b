"""Detectors that learn from inpainters: how many pictures it takes, trained on and tested on, the learning curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import FALSE_ALARM_RATE
from safebench.metrics.detection_rate_at_5 import DETECTION_RATE_AT_5
from safebench.metrics.image_auc import IMAGE_AUC
from safebench.results.learning import Curve, hardest_first, learned, learning_curves, needed_text, said_of

from .cells import FACET_NAMES, Cell, Column, Row, Table, figure_cell, filtered, misled
from .charts import figures_of, legend, slice_names
from .compared import Compared
from .runs import NO_POSTPROCESS, Record, Run
from .words import ALL_BINS, MISSING, said

_MEASURED = (AUC, IMAGE_AUC, DETECTION_RATE_AT_5, FALSE_ALARM_RATE)
_BEFORE = replace(AUC, key="auc_before", name="AUC before", meaning="Pixel AUC of the detector as it was.")
_AFTER = replace(AUC, key="auc_after", name="AUC after", meaning="Pixel AUC after most pictures.")
_HEADS = ("run", "dataset", "postprocess", "detector")
_NEEDED = "Pictures of it that the detector has to see until its pixel AUC is 0.8, between two numbers that were tried "
_NEEDED += "straight over their logarithm; in brackets where the ends of the AUC's intervals reach it."


@dataclass(frozen=True)
class Learning:
    """What a page shows: who is found after how many pictures, and the matrix with its curves."""

    ranking: Table
    matrix: Compared


def learning(runs: Sequence[Run]) -> Learning | None:
    """Of the detectors of each run that have learned; None where none has."""
    curves = [(run, curve) for run in runs for curve in learning_curves(run.detection, run.record)]
    rows = [entry for run in runs for entry in _entries(run)]
    if not curves:
        return None
    places = dict.fromkeys((run.label, curve.dataset) for run, curve in curves)
    names = dict(zip(places, slice_names(places), strict=True))
    sentences = [
        (names[run.label, curve.dataset], said(verdict))
        for run, curve in curves
        if curve.postprocess == NO_POSTPROCESS
        for verdict in said_of([curve])
    ]
    return Learning(_ranking(runs), Compared(sentences, _matrix(rows), _charts(rows)))


def _ranking(runs: Sequence[Run]) -> Table:
    """The inpainters that were learned from, the hardest to find first."""
    heads = [*_HEADS, "inpainter"]
    rows = []
    for run in runs:
        for place, curve in hardest_first(learning_curves(run.detection, run.record), run.claims):
            facets = {"run": run.label, **{head: str(getattr(curve, head)) for head in heads[1:]}}
            cells = [Cell(facets[head], facets[head]) for head in heads]
            needed = curve.needed.value
            order = "" if math.isnan(needed) else repr(min(needed, 1e12))
            text, _, ends = needed_text(curve.needed, curve.most).partition(" ")
            figures = [
                figure_cell(_as(curve, count, metric.key), metric, {})
                for count, metric in ((min(curve.cells), _BEFORE), (curve.most, _AFTER))
            ]
            rank = Cell(str(place) if place else MISSING, str(place) if place else "")
            count = Cell(text, order, note=ends)
            rows.append(Row([*cells, rank, count, *figures], facets, run.is_control(curve.inpainter)))
    columns = [Column(head, FACET_NAMES[head]) for head in heads]
    columns += [Column("rank", "Rank", "By how many pictures it takes to be found, most first.", count=True)]
    columns += [Column("needed", "Pictures to be found", _NEEDED, count=True)]
    columns += [Column(m.key, m.label, m.meaning, m) for m in (_BEFORE, _AFTER)]
    return filtered(heads, columns, rows, postprocess=NO_POSTPROCESS)


def _as(curve: Curve, count: int, key: str) -> Record:
    """The AUC of a number of pictures under another name."""
    cell = curve.cells[count]
    return {f"{key}{end}": cell[f"{AUC.key}{end}"] for end in ("", "_low", "_high")} | {"n": cell["n"]}


@dataclass(frozen=True)
class _Entry:
    """A detector as it was, or after some pictures of an inpainter: its cells by inpainter, and its false alarms."""

    run: Run
    dataset: str
    postprocess: str
    detector: str
    teacher: str
    pictures: int
    cells: dict[str, Record]
    alarms: Record


def _entries(run: Run) -> Iterator[_Entry]:
    """Of each detector: as it was, then what it learned of each inpainter, from few pictures to many."""
    cells: dict[tuple[str, str, str], dict[str, Record]] = {}
    for row in run.detection:
        if row["bin"] == ALL_BINS:
            cells.setdefault((row["dataset"], row["postprocess"], row["detector"]), {})[row["inpainter"]] = row
    alarms = {(row["dataset"], row["postprocess"], row["detector"]): row for row in run.false_alarms}
    for dataset, postprocess in dict.fromkeys((dataset, postprocess) for dataset, postprocess, _ in cells):
        for (detector, teacher), names in learned(run.record).items():
            for pictures, name in names.items():
                key = (dataset, postprocess, name)
                if key in cells:
                    yield _Entry(
                        run, dataset, postprocess, detector, teacher, pictures, cells[key], alarms.get(key, {})
                    )


def _matrix(entries: Sequence[_Entry]) -> Table:
    """Trained on the row's inpainter, tested on the column's."""
    tested = list(dict.fromkeys(name for entry in entries for name in entry.cells))
    metrics = [replace(AUC, key=f"auc_{k}", name=f"AUC of {name}") for k, name in enumerate(tested)]
    rows = []
    for entry in entries:
        facets = {
            "run": entry.run.label,
            "dataset": entry.dataset,
            "postprocess": entry.postprocess,
            "detector": entry.detector,
            "learned": entry.teacher,
        }
        names = [Cell(value, value) for value in facets.values()]
        count = Cell(f"{entry.pictures:,}", str(entry.pictures))
        figures = [
            figure_cell(_renamed(entry.cells.get(name, {}), metric.key), metric, {})
            for name, metric in zip(tested, metrics, strict=True)
        ]
        rows.append(Row([*names, count, *figures, figure_cell(entry.alarms, FALSE_ALARM_RATE, {})], facets))
    columns = [Column(head, FACET_NAMES[head]) for head in _HEADS]
    columns += [Column("learned", FACET_NAMES["learned"])]
    columns += [Column("pictures", "Pictures", "Of them it has seen so many; 0: as it was.", count=True)]
    columns += [Column(m.key, m.label, m.meaning, m) for m in (*metrics, FALSE_ALARM_RATE)]
    return filtered([*_HEADS, "learned"], columns, rows, postprocess=NO_POSTPROCESS)


def _renamed(row: Record, key: str) -> Record:
    ends = {f"{key}{end}": row[f"{AUC.key}{end}"] for end in ("", "_low", "_high") if f"{AUC.key}{end}" in row}
    return {**ends, "n": row.get("n", 0)}


def _charts(entries: Sequence[_Entry]) -> dict[str, Any]:
    """A line for each detector over the pictures that it has seen, on each inpainter."""
    slices = dict.fromkeys((e.run.label, e.dataset, e.postprocess, f"learned from {e.teacher}") for e in entries)
    number = {key: k for k, key in enumerate(slices)}
    cells = []
    for entry in entries:
        for name, row in entry.cells.items():
            beside = {key: entry.alarms[key] for key in _ends(FALSE_ALARM_RATE.key) if key in entry.alarms}
            cells.append(
                {
                    "slice": number[entry.run.label, entry.dataset, entry.postprocess, f"learned from {entry.teacher}"],
                    "inpainter": name,
                    "detector": entry.detector,
                    "condition": str(entry.pictures),
                    "n": int(row["n"]),
                    "figures": figures_of({**row, **beside}, _MEASURED),
                    "misled": [metric.key for metric in _MEASURED if misled(row, metric)],
                }
            )
    counts = sorted({entry.pictures for entry in entries})
    curve = {
        "title": "",
        "what": "over the pictures that it has learned from",
        "axis": "Pictures seen",
        "levels": [{"key": str(count), "label": f"{count:,}"} for count in counts],
    }
    return {"cells": cells, "slices": slice_names(slices), "curves": [curve], "metrics": legend(_MEASURED)}


def _ends(key: str) -> tuple[str, str, str]:
    return key, f"{key}_low", f"{key}_high"
