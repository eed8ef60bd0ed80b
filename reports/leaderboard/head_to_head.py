"""Head to head: every two inpainters, and every two detectors, on the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from safebench.metrics.metric import Metric, View
from safebench.metrics.pairs import all_pairs
from safebench.metrics.uncertainty import Difference, Photos, Values
from safebench.protocol import ORIGINAL
from safebench.results.claims import MIN_PHOTOS, SIGNIFICANT
from safebench.results.comparing import Group
from safebench.results.tables import CHANCE_LOW

from .._common.entries import OPPONENT, POOLED, Choice, Pool
from .._common.latex import escaped
from .._common.runs import Run
from .._common.standings import Standings
from .._common.words import ALL_BINS, bin_name, bin_place


@dataclass(frozen=True)
class Pair:
    """Two models on the same images: the mean of a - b, by one metric; `a` and `b` are places among the names.

    inverted: one of the two points at the background, so that less is not better.  photos: that both have;
    smallest_p: what p could be at least, since only a photo that tells the two apart can flip.
    """

    choice: Choice
    """Post-process and opponent are "" where there is none."""
    metric: Metric
    a: int
    b: int
    n: int
    difference: Difference
    inverted: bool
    photos: int
    smallest_p: float


@dataclass(frozen=True)
class HeadToHead:
    """All pairs of one table and view."""

    label: str
    view: View
    names: list[str]
    metrics: list[Metric]
    pairs: list[Pair]


def duels(tables: Sequence[tuple[Group, Run]], standings: Sequence[Standings]) -> list[HeadToHead]:
    """All pairs of all tables; inpainters and detectors of a table stand behind one another."""
    return [
        _duels(run, standing, view) for (_, run), standing in zip(tables, standings, strict=True) for view in OPPONENT
    ]


def _duels(run: Run, standings: Standings, view: View) -> HeadToHead:
    names = _names(run, view)
    metrics = [m for m in standings.detection if _compared(m)]
    beside = [m for m in standings.quality if _compared(m)] if view == "inpainter" else []
    sets = [
        set_ for pool in standings.pools for set_ in (*_sets(pool, metrics, view, names), *_beside(pool, beside, names))
    ]
    pairs = []
    for set_, compared in zip(sets, all_pairs([(set_.values, set_.photos) for set_ in sets]), strict=True):
        inverted = _inverted(set_.values, set_.metric)
        pairs += [
            Pair(set_.choice, set_.metric, a, b, n, difference, inverted[a] or inverted[b], photos, smallest_p)
            for (a, b), (n, difference, photos, smallest_p) in compared.items()
            if n
        ]
    return HeadToHead(run.label, view, names, [*metrics, *beside], pairs)


def page_data(all_pairs_of: Sequence[HeadToHead]) -> list[dict[str, Any]]:
    """What head-to-head.js shows, one entry a table: names, lists of choices, metrics, and rows of places in these.

    A row: data set, opponent, bin, post-process, assembly, metric, a, b, n, difference, its ends, p, whether one is
    inverted, photos, the smallest p that these allow.
    """
    labels = list(dict.fromkeys(table.label for table in all_pairs_of))
    rule = {"min_photos": MIN_PHOTOS, "significant": SIGNIFICANT}
    return [
        {"label": label, **rule, **{table.view: _view_data(table) for table in all_pairs_of if table.label == label}}
        for label in labels
    ]


_LISTS = ("datasets", "opponents", "bins", "postprocesses", "assemblies")
"""The choices of a pair, in the order in which `Choice` holds them."""


def _view_data(table: HeadToHead) -> dict[str, Any]:
    lists: dict[str, dict[str, int]] = {key: {} for key in _LISTS}
    rows = []
    for pair in table.pairs:
        places = [lists[key].setdefault(value, len(lists[key])) for key, value in zip(lists, pair.choice, strict=True)]
        difference = [float(f"{value:.6g}") if math.isfinite(value) else None for value in pair.difference]
        compared = (table.metrics.index(pair.metric), pair.a, pair.b, pair.n)
        rows.append([*places, *compared, *difference, int(pair.inverted), pair.photos, pair.smallest_p])
    shown = {key: [bin_name(value) if key == "bins" else value for value in held] for key, held in lists.items()}
    metrics = [
        {"key": m.key, "label": m.label, "digits": m.digits, "better": m.better_for(table.view)} for m in table.metrics
    ]
    texts = [*table.names, *(value for held in shown.values() for value in held), *(m.label for m in table.metrics)]
    return {
        "names": table.names,
        **shown,
        "metrics": metrics,
        "rows": rows,
        "tex": {text: escaped(text) for text in texts},
    }


def frame(tables: Sequence[HeadToHead]) -> pd.DataFrame:
    """All pairs as data, every digit kept."""
    columns = ["table", "view", "dataset", "against", "bin", "postprocess", "assembly", "metric", "a", "b", "n"]
    columns += ["difference", "low", "high", "p", "inverted", "photos", "smallest_p"]
    rows = [
        (
            table.label,
            table.view,
            *_told(pair, table.names),
            *pair.difference,
            pair.inverted,
            pair.photos,
            pair.smallest_p,
        )
        for table in tables
        for pair in table.pairs
    ]
    return pd.DataFrame(rows, columns=columns)


def _told(pair: Pair, names: Sequence[str]) -> tuple[str | int, ...]:
    return (*pair.choice, pair.metric.key, names[pair.a], names[pair.b], pair.n)


def _names(run: Run, view: View) -> list[str]:
    if view == "detector":
        return sorted({row["detector"] for row in run.detection}, key=run.detector_place)
    rows = [row for part in run.of_each_assembly for row in [*part.detection, *part.quality]]
    return sorted({row["inpainter"] for row in rows}, key=run.inpainter_place)


@dataclass(frozen=True)
class _Set:
    """The images of one choice, with one figure of each model."""

    choice: Choice
    metric: Metric
    values: Values
    photos: Photos


def _sets(pool: Pool, metrics: Sequence[Metric], view: View, names: list[str]) -> Iterator[_Set]:
    """What was found: each choice and metric."""
    rows = pool.run.results.detection
    if not metrics or not len(rows):
        return
    grouped = _rows(rows, metrics, view, pool.inpainters).groupby(
        ["dataset", OPPONENT[view], "postprocess"], sort=False
    )
    for (dataset, opponent, postprocess), own in grouped:
        choice = Choice(str(dataset), str(opponent), ALL_BINS, str(postprocess), pool.run.assembly)
        yield from _by_bin(own, metrics, view, names, choice)


def _beside(pool: Pool, metrics: Sequence[Metric], names: list[str]) -> Iterator[_Set]:
    """The quality of inpainters, which has no opponent and comes before any post-process."""
    rows = pool.run.results.quality
    if not metrics or not len(rows):
        return
    for dataset, own in _rows(rows, metrics, "inpainter", ()).groupby("dataset", sort=False):
        yield from _by_bin(own, metrics, "inpainter", names, Choice(str(dataset), "", ALL_BINS, "", pool.run.assembly))


def _by_bin(
    rows: pd.DataFrame, metrics: Sequence[Metric], view: View, names: list[str], choice: Choice
) -> Iterator[_Set]:
    """A choice over all bins, and in each."""
    wide = rows.pivot(index=["photo", "sample", "bin", "of"], columns=view, values=[*(m.column for m in metrics)])
    hole_bin = wide.index.get_level_values("bin")
    for shown_bin in sorted({*hole_bin, ALL_BINS}, key=bin_place):
        part = wide if shown_bin == ALL_BINS else wide[hole_bin == shown_bin]
        photos = _numbers(part)
        for metric in metrics:
            values = pd.DataFrame(part[metric.column]).reindex(columns=names).to_numpy(dtype=float)
            yield _Set(choice._replace(bin=shown_bin), metric, values, photos)


def _numbers(rows: pd.DataFrame) -> Photos:
    """The photo of each row as a number, in the order of the names."""
    return pd.factorize(rows.index.get_level_values("photo"), sort=True)[0]


def _rows(table: pd.DataFrame, metrics: Sequence[Metric], view: View, pooled: Sequence[str]) -> pd.DataFrame:
    """What is compared, and `of`: whose image it is, where that is not who is compared.

    Detectors meet once more on the images of all inpainters together.
    """
    rows = table[table["inpainter"] != ORIGINAL]
    keys = [key for key in ("dataset", "photo", "sample", "bin", "inpainter", "detector", "postprocess") if key in rows]
    rows = rows[[*keys, *(m.column for m in metrics)]]
    numbers = {key: pd.factorize(rows[key], sort=True)[0] for key in ("photo", "sample")}  # in the order of the names
    rows = rows.assign(**numbers)
    if view == "inpainter":
        return rows.assign(of="")
    rows = rows.assign(of=rows["inpainter"])
    return pd.concat([rows[rows["inpainter"].isin(pooled)].assign(inpainter=POOLED), rows], ignore_index=True)


def _compared(metric: Metric) -> bool:
    """Whether a metric is compared image by image here."""
    return metric.level == "picture" and "head to head" in metric.shown


def _inverted(values: Values, metric: Metric) -> list[bool]:
    """Of which models the mean lies clearly below chance."""
    if metric.chance is None:
        return [False] * values.shape[1]
    known = [column[np.isfinite(column)] for column in values.T]
    return [bool(column.size and column.mean() < CHANCE_LOW) for column in known]
