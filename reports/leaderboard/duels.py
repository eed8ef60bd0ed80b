"""Head to head: every two inpainters, and every two detectors, on the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from safebench.comparing import Group
from safebench.metrics.pairs import all_pairs
from safebench.metrics.uncertainty import Difference, Photos, Values
from safebench.protocol import ORIGINAL
from safebench.tables import CHANCE_LOW

from .._site.metrics import Metric, View
from .._site.runs import Run
from .._site.standings import OPPONENT, POOLED, Standings
from .._site.words import ALL_BINS, bin_name, bin_place

Row = list[Any]
"""Data set, opponent, bin, post-process, metric (places in the lists beside), a, b (places among the names), n,
difference a - b, lower and upper end, p; 1 where one of the two is inverted, so that less is not better."""

_FOUND = ("auc", "f1", "detection_rate")
_QUALITY = ("psnr_hole", "lpips", "ssim")
_STORED = {"detection_rate": "flagged"}


def duels(tables: Sequence[tuple[Group, Run]], standings: Sequence[Standings]) -> list[dict[str, Any]]:
    """What head-to-head.js shows, one entry a table."""
    return [
        {"label": run.label, **{view: _view(run, each, view) for view in OPPONENT}}
        for (_, run), each in zip(tables, standings, strict=True)
    ]


def _view(run: Run, standings: Standings, view: View) -> dict[str, Any]:
    names = _names(run, view)
    found = [m for m in standings.detection if m.key in _FOUND]
    beside = [m for m in standings.quality if m.key in _QUALITY] if view == "inpainter" else []
    metrics = [*found, *beside]
    sets = [
        *_sets(run.results.detection, found, view, OPPONENT[view], names, standings.pooled_inpainters),
        *_sets(run.results.quality, beside, view, "", names, ()),
    ]
    lists: dict[str, dict[str, int]] = {key: {} for key in ("datasets", "opponents", "bins", "postprocesses")}
    rows: list[Row] = []
    for each, pairs in zip(sets, all_pairs([(each.values, each.photos) for each in sets]), strict=True):
        inverted = _inverted(each.values, each.metric)
        places = [lists[key].setdefault(value, len(lists[key])) for key, value in zip(lists, each.choice, strict=True)]
        for (a, b), (n, difference) in pairs.items():
            if n:
                told = [n, *_told(difference), int(inverted[a] or inverted[b])]
                rows.append([*places, metrics.index(each.metric), a, b, *told])
    return {
        "names": names,
        **{key: [bin_name(value) if key == "bins" else value for value in held] for key, held in lists.items()},
        "metrics": [
            {"key": m.key, "label": m.label, "digits": m.digits, "better": m.better_for(view)} for m in metrics
        ],
        "rows": rows,
    }


def _names(run: Run, view: View) -> list[str]:
    if view == "detector":
        return sorted({row["detector"] for row in run.detection}, key=run.detector_place)
    return sorted({row["inpainter"] for row in [*run.detection, *run.quality]}, key=run.inpainter_place)


@dataclass(frozen=True)
class _Set:
    """The images of one choice, with one figure of each model."""

    choice: tuple[str, str, str, str]
    metric: Metric
    values: Values
    photos: Photos


def _sets(
    table: pd.DataFrame, metrics: Sequence[Metric], view: View, opponent: str, names: list[str], pooled: Sequence[str]
) -> Iterator[_Set]:
    """Each choice (data set, opponent, bin, post-process) and metric."""
    if not metrics or not len(table):
        return
    rows = _rows(table, metrics, view, pooled)
    keys = ["dataset", *([opponent, "postprocess"] if opponent else [])]
    for key, own in rows.groupby(keys, sort=False):
        dataset, against, postprocess = (str(part) for part in (key if opponent else (*key, "", "")))
        wide = own.pivot(index=["photo", "sample", "bin", "of"], columns=view, values=[*map(_stored, metrics)])
        hole_bin = wide.index.get_level_values("bin")
        for one in sorted({*hole_bin, ALL_BINS}, key=bin_place):
            part = wide if one == ALL_BINS else wide[hole_bin == one]
            photos = _numbers(part)
            for metric in metrics:
                values = pd.DataFrame(part[_stored(metric)]).reindex(columns=names).to_numpy(dtype=float)
                yield _Set((dataset, against, one, postprocess), metric, values, photos)


def _numbers(rows: pd.DataFrame) -> Photos:
    """The photo of each row as a number, in the order of the names."""
    return pd.factorize(rows.index.get_level_values("photo"), sort=True)[0]


def _rows(table: pd.DataFrame, metrics: Sequence[Metric], view: View, pooled: Sequence[str]) -> pd.DataFrame:
    """What is compared, and `of`: whose image it is, where that is not who is compared.

    Detectors meet once more on the images of all inpainters together.
    """
    rows = table[table["inpainter"] != ORIGINAL]
    keys = [key for key in ("dataset", "photo", "sample", "bin", "inpainter", "detector", "postprocess") if key in rows]
    rows = rows[[*keys, *map(_stored, metrics)]]
    if view == "inpainter":
        return rows.assign(of="")
    rows = rows.assign(of=rows["inpainter"])
    return pd.concat([rows[rows["inpainter"].isin(pooled)].assign(inpainter=POOLED), rows], ignore_index=True)


def _stored(metric: Metric) -> str:
    """The column of the stored rows that a figure is the mean of."""
    return _STORED.get(metric.key, metric.key)


def _inverted(values: Values, metric: Metric) -> list[bool]:
    """Of which models the mean lies clearly below chance."""
    if metric.chance is None:
        return [False] * values.shape[1]
    known = [column[np.isfinite(column)] for column in values.T]
    return [bool(column.size and column.mean() < CHANCE_LOW) for column in known]


def _told(difference: Difference) -> list[float | None]:
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in difference]
