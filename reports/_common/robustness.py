"""Detectors under each condition: the table of robustness, the curves over levels, and what may be said of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import FALSE_ALARM_RATE
from safebench.metrics.detection_rate_at_5 import DETECTION_RATE_AT_5
from safebench.metrics.image_auc import IMAGE_AUC
from safebench.metrics.metric import Metric
from safebench.protocol import SPLICED
from safebench.results.conditions import curves, in_order
from safebench.results.robustness import losses, most_robust
from safebench.results.verdict import Verdict

from .cells import COUNTED, FACET_NAMES, Cell, Column, Row, Table, figure_cell, filtered, misled
from .charts import figures_of, legend, slice_names
from .compared import Compared
from .entries import POOLED, Pool
from .runs import NO_POSTPROCESS, Record, Run
from .standings import Standings
from .words import ALL_BINS, Figure, said

LOST = replace(
    AUC,
    key="auc_lost",
    name="AUC lost",
    meaning="Pixel AUC without post-processing, less that after it, on the same images.",
    better="",
    chance=None,
    undefined="",
)
"""What a row's post-processing costs: no figure of the stored tables, but the difference of two."""
_FOUND = (AUC, LOST, IMAGE_AUC, DETECTION_RATE_AT_5)
_MEASURED: tuple[Metric, ...] = (*_FOUND, FALSE_ALARM_RATE)
_KEYS = ("inpainter", "detector", "postprocess", "assembly")


def robustness(runs: Sequence[Run], standings: Sequence[Standings]) -> Compared | None:
    """The detectors of each run under its conditions; None where no run has several."""
    entries = [entry for standing in standings for pool in standing.pools for entry in _entries(pool)]
    if not entries:
        return None
    slices = dict.fromkeys((run.label, row["dataset"], run.assembly) for run, row in entries)
    names = dict(zip(slices, slice_names(slices), strict=True))
    verdicts = [
        (names[run.label, dataset, run.assembly], said(verdict))
        for run, standing in zip(runs, standings, strict=True)
        for label, dataset, assembly in slices
        if (label, assembly) == (run.label, run.assembly) and (verdict := _verdict(standing.pools[0], dataset))
    ]
    return Compared(verdicts, _table(entries), _charts(entries, names))


def _verdict(pool: Pool, dataset: str) -> Verdict:
    """What may be said of what post-processing costs the detectors, all bins together."""
    plain = pool.compared((dataset, NO_POSTPROCESS, ALL_BINS))
    lost: dict[str, dict[str, Figure]] = {}
    for (of, _, postprocess, detector), loss in pool.losses.items():
        if of == dataset:
            lost.setdefault(detector, {})[postprocess] = loss
    return most_robust(pool.run.claims, plain, lost)


def _entries(pool: Pool) -> Iterator[tuple[Run, Record]]:
    """Each detector over the images of all ranked inpainters, then of each inpainter; its false alarms beside it."""
    run = pool.run
    conditions = in_order(row["postprocess"] for row in run.detection)
    if len(conditions) < 2:
        return
    alarms = {(row["dataset"], row["postprocess"], row["detector"]): row for row in run.false_alarms}
    lost = losses(run.results.detection) | pool.losses
    rows = [row for row in [*pool.cells, *run.detection] if row["bin"] == ALL_BINS]
    places = {POOLED: (False, -1)}
    rows.sort(
        key=lambda row: (
            places.get(row["inpainter"]) or run.inpainter_place(row["inpainter"]),
            row["dataset"],
            run.detector_place(row["detector"]),
            conditions.index(row["postprocess"]),
        )
    )
    for row in rows:
        key = (row["dataset"], row["inpainter"], row["postprocess"], row["detector"])
        beside = alarms.get((row["dataset"], row["postprocess"], row["detector"]), {})
        untouched = {name: beside.get(name, math.nan) for name in _named(FALSE_ALARM_RATE)}
        loss_figures = lost.get(key)
        loss = dict(zip(_named(LOST), loss_figures, strict=True)) if loss_figures else {}
        yield run, {**row, **untouched, **loss}


def _named(metric: Metric) -> tuple[str, str, str]:
    return metric.key, f"{metric.key}_low", f"{metric.key}_high"


def _table(entries: Sequence[tuple[Run, Record]]) -> Table:
    heads = ["run", "dataset", *_KEYS]
    rows = []
    for run, row in entries:
        facets = {"run": run.label, **{key: str(row[key]) for key in heads[1:]}}
        names = [Cell(facets[key], facets[key]) for key in heads]
        figures = [figure_cell(row, metric, {}) for metric in _MEASURED]
        count = Cell(f"{row['n']:,}", str(row["n"]))
        rows.append(Row([*names, *figures, count], facets, run.is_control(facets["inpainter"])))
    columns = [Column(head, FACET_NAMES[head]) for head in heads]
    columns += [Column(metric.key, metric.label, metric.meaning, metric) for metric in _MEASURED]
    return filtered(heads, [*columns, COUNTED], rows, inpainter=POOLED, assembly=SPLICED)


def _charts(entries: Sequence[tuple[Run, Record]], slices: Mapping[tuple[str, str, str], str]) -> dict[str, Any]:
    """One curve for each detector and post-processing that has levels."""
    number = {key: k for k, key in enumerate(slices)}
    families = curves(row["postprocess"] for _, row in entries)
    cells = [
        {
            "slice": number[run.label, row["dataset"], run.assembly],
            "inpainter": row["inpainter"],
            "detector": row["detector"],
            "condition": row["postprocess"],
            "n": int(row["n"]),
            "figures": figures_of(row, _MEASURED),
            "misled": [metric.key for metric in _FOUND if misled(row, metric)],
        }
        for run, row in entries
    ]
    return {
        "cells": cells,
        "slices": list(slices.values()),
        "curves": [
            {
                "title": name,
                "what": f"over the level of {name}, from mild to strong",
                "axis": f"{name}, mild → strong",
                "levels": [{"key": key, "label": label} for key, label in levels],
            }
            for name, levels in families.items()
        ],
        "metrics": legend(_MEASURED),
    }
