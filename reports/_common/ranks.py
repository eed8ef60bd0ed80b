"""Who is first: the ranks of the entries of a list, and the best and second figure of each column."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from safebench.metrics.auc import AUC
from safebench.metrics.metric import Metric, View
from safebench.results.traces import PIXEL, trace

from .cells import misled, places
from .entries import Entry
from .words import figure


def ranks(view: View, entries: Sequence[Entry]) -> list[int]:
    """Each entry's rank in its list; 0 where it is not ranked."""
    merits = [_merit(view, entry) for entry in entries]
    lists: dict[Hashable, list[float]] = {}
    for entry, merit in zip(entries, merits, strict=True):
        if merit is not None:
            lists.setdefault(entry.choice, []).append(merit)
    return [
        0 if merit is None else 1 + sum(other > merit for other in lists[entry.choice])
        for entry, merit in zip(entries, merits, strict=True)
    ]


def marks(view: View, entries: Sequence[Entry], metric: Metric, beside: bool) -> list[int]:
    """Who is best (1) and second (2) in each list, by one metric; `beside`: of the records that stand beside."""
    better = metric.better_for(view)
    if not better:
        return [0] * len(entries)
    values: list[float | None] = []
    for entry in entries:
        record = entry.beside if beside else entry.figures
        value = figure(record, metric.key)
        if value is None or math.isnan(value.value) or not entry.competes or (not beside and misled(record, metric)):
            values.append(None)
        elif view == "inpainter" and metric.chance is not None:
            values.append(metric.trace(value.value))
        else:
            values.append(value.value)
    return places(values, [entry.choice for entry in entries], better == "low")


def _merit(view: View, entry: Entry) -> float | None:
    """What an entry is ranked by, more is better; None where it takes no rank."""
    value = entry.figures.get(AUC.key, math.nan)
    if not entry.competes or math.isnan(value):
        return None
    if view == "inpainter":
        return -trace(entry.figures, PIXEL)
    return None if entry.figures["inverted"] else float(value)
