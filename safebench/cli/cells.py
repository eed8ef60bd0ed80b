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
    """The metrics that are shown at the terminal and present, so many a table as the console's width holds."""
    conditions = [name for name, usual in _CONDITIONS.items() if name in cells and not cells[name].isin(usual).all()]
    names = (*names, *conditions)
    shown = [metric for metric in metrics if "terminal" in metric.shown and metric.key in cells]
    while shown:
        for abreast in range(len(shown), 0, -1):
            table = _table(title, names, cells, shown[:abreast])
            if Measurement.get(console, console.options.update(width=_UNLIMITED), table).maximum <= console.width:
                break
        yield table
        shown = shown[abreast:]


def _table(title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric]) -> Table:
    """One row a cell: names, metrics, n, and failures where there are any."""
    table = Table(title=title, title_justify="left")
    counts = {"n": "n"} | ({"failed": "failures"} if cells["failures"].any() else {})
    for heading in (*names, *(metric.label for metric in metrics), *counts):
        table.add_column(heading, justify="left" if heading in names else "right", overflow="fold")
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
