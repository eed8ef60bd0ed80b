"""Tables of cells for a terminal: as wide as it is, more metrics abreast where there is room, no name cut."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from safebench.metrics.auc import AUC
from safebench.metrics.metric import Metric
from safebench.protocol import NO_POSTPROCESS, RECEIVED, SPLICED

_CONDITIONS = {"assembly": (SPLICED, RECEIVED), "postprocess": (NO_POSTPROCESS,)}
"""Keys of cells that are shown only where a run has more than the usual one."""
_UNLIMITED = 10_000
"""Columns of a terminal on which any table has room."""


def tables(
    title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric], console: Console
) -> Iterator[Table]:
    """The metrics that are shown at the terminal and present, so many a table as the console's width holds.

    Conditions are columns where there is room for them, and else tables of their own.
    """
    conditions = [name for name, usual in _CONDITIONS.items() if name in cells and not cells[name].isin(usual).all()]
    shown = [metric for metric in metrics if "terminal" in metric.shown and metric.key in cells]
    if not conditions or _abreast(title, (*names, *conditions), cells, shown, console):
        yield from _in_turn(title, (*names, *conditions), cells, shown, console)
        return
    for condition, own in _usual_first(cells, conditions):
        yield from _in_turn(f"{title}: {_told(conditions, condition)}", names, own, shown, console)


def _in_turn(
    title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric], console: Console
) -> Iterator[Table]:
    while metrics:
        abreast = _abreast(title, names, cells, metrics, console) or 1
        table = _table(title, names, cells, metrics[:abreast])
        unlimited = console.options.update(width=_UNLIMITED)
        if Measurement.get(console, unlimited, table).minimum > console.width:  # as narrow as figures can be broken
            for column in table.columns:
                column.no_wrap = False  # a name too: what is folded is not lost
        yield table
        metrics = metrics[abreast:]


def _abreast(title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric], console: Console) -> int:
    """How many of the first metrics have room beside one another; 0 where not even one has."""
    unlimited = console.options.update(width=_UNLIMITED)
    for abreast in range(len(metrics), 0, -1):
        table = _table(title, names, cells, metrics[:abreast])
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            return abreast
    return 0


def _usual_first(cells: Any, conditions: Sequence[str]) -> list[tuple[tuple[str, ...], Any]]:
    """The cells of each condition, those of the usual one first."""

    def unusual(group: tuple[tuple[str, ...], Any]) -> list[bool]:
        return [value not in _CONDITIONS[name] for name, value in zip(conditions, group[0], strict=True)]

    return sorted(cells.groupby(list(conditions), sort=False), key=unusual)


def _told(conditions: Sequence[str], values: Sequence[str]) -> str:
    """`regenerated pictures after jpeg:75`."""
    held = dict(zip(conditions, values, strict=True))
    parts = [f"{held['assembly']} pictures"] if "assembly" in held else []
    if "postprocess" in held:
        plain = held["postprocess"] == NO_POSTPROCESS
        parts.append("without post-processing" if plain else f"after {held['postprocess']}")
    return " ".join(parts)


def _table(title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric]) -> Table:
    """One row a cell: names, metrics, n, and failures where there are any."""
    table = Table(title=Text(title), title_justify="left")
    counts = {"n": "n"} | ({"failed": "failures"} if cells["failures"].any() else {})
    for heading in (*names, *(metric.label for metric in metrics), *counts):
        name = heading in names
        table.add_column(heading, justify="left" if name else "right", overflow="fold", no_wrap=name)
    for _, row in cells.iterrows():
        figures = [_figure(row, metric) for metric in metrics]
        table.add_row(*(Text(str(row[name])) for name in names), *figures, *(str(row[key]) for key in counts.values()))
    return table


def _figure(row: Any, metric: Metric) -> str:
    """A mean with its interval."""
    if math.isnan(row[metric.key]):
        return "-"
    digits = metric.digits
    low, high = (row.get(f"{metric.key}{end}", math.nan) for end in ("_low", "_high"))
    interval = "" if math.isnan(low) else rf" \[{low:.{digits}f}, {high:.{digits}f}]"
    inverted = "\ninverted" if metric.key == AUC.key and row["inverted"] else ""
    return f"{row[metric.key]:.{digits}f}{interval}{inverted}"
