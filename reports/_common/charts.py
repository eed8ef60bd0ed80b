"""What charts.js draws: the cells of the results table, quality beside detectability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from safebench.metrics.metric import Metric
from safebench.results.claims import MIN_PHOTOS

from .cells import misled
from .runs import NO_POSTPROCESS, Record, Run, detection_metrics, of_each_assembly, quality_metrics
from .words import ALL_BINS, bin_name, bin_place, figure

Numbers = list[float | None]
"""Mean, lower and upper end of the interval; None where there is none."""


def chart_data(runs: Sequence[Run]) -> dict[str, Any]:
    """The cells and what is needed to label them.

    Slices (run, data set, post-process, assembly) never share a chart.
    """
    parts = of_each_assembly(runs)
    detection, quality = detection_metrics(parts), quality_metrics(parts)
    slices: dict[tuple[str, ...], int] = {}
    cells = []
    for run in parts:
        rows = {(row["dataset"], row["inpainter"], row["bin"]): row for row in run.quality}
        alone = [] if run.detection else [{**row, "postprocess": NO_POSTPROCESS} for row in run.quality]
        for row in [*run.detection, *alone]:
            number = slices.setdefault((run.label, row["dataset"], row["postprocess"], run.assembly), len(slices))
            its_quality = rows.get((row["dataset"], row["inpainter"], row["bin"]), {})
            figures = {**figures_of(row, detection), **figures_of(its_quality, quality)}
            cells.append({**_cell(run, row, number, figures), "misled": [m.key for m in detection if misled(row, m)]})
    bins = sorted({cell["bin"] for cell in cells}, key=bin_place)
    return {
        "cells": cells,
        "slices": slice_names(slices),
        "min_photos": MIN_PHOTOS,
        "bins": [{"key": name, "label": bin_name(name), "all": name == ALL_BINS} for name in bins],
        "detection": legend(metric for metric in detection if metric.better and _measured(cells, metric)),
        "quality": legend(metric for metric in quality if _measured(cells, metric)),
    }


def _cell(run: Run, row: Record, number: int, figures: dict[str, Numbers]) -> dict[str, Any]:
    claims = run.claims
    place = (row["dataset"], row["postprocess"], row["bin"])
    detector, ranked = row.get("detector", ""), claims.ranked(row)
    return {
        "slice": number,
        "inpainter": row["inpainter"],
        "detector": detector,
        "bin": row["bin"],
        "n": int(row["n"]),
        "photos": claims.photos(row),
        "control": run.is_control(row["inpainter"]),
        "competes": ranked,
        "whole": ranked and not (detector and claims.gap(place, row["inpainter"])),
        "panel": not detector or detector in claims.panel(place),
        "inverted": bool(row.get("inverted")),
        "figures": figures,
    }


def figures_of(row: Record, metrics: Iterable[Metric]) -> dict[str, Numbers]:
    """The figures of a row by metric; one that its table does not have is left out."""
    figures = ((metric.key, figure(row, metric.key)) for metric in metrics)
    return {key: [_finite(part) for part in value] for key, value in figures if value is not None}


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _measured(cells: list[dict[str, Any]], metric: Metric) -> bool:
    return any(cell["figures"].get(metric.key, [None])[0] is not None for cell in cells)


def legend(metrics: Iterable[Metric]) -> list[dict[str, Any]]:
    """What a chart has to know of each metric."""
    return [
        {"key": m.key, "label": m.label, "digits": m.digits, "better": m.better, "chance": m.chance} for m in metrics
    ]


def slice_names(slices: Iterable[tuple[str, ...]]) -> list[str]:
    """Each slice named by what sets it apart from the others."""
    parts = list(slices)
    telling = [k for k in range(len(parts[0]) if parts else 0) if len({part[k] for part in parts}) > 1]
    return [" · ".join(part[k] for k in telling) for part in parts]
