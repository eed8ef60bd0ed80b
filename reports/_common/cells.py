"""Tables as a page shows them: cells that carry what is shown, what is sorted by, and who is best."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from safebench.metrics.auc import AUC
from safebench.metrics.image_auc import IMAGE_AUC
from safebench.metrics.metric import Metric, Subject, View
from safebench.protocol import SPLICED
from safebench.results.conditions import in_order
from safebench.results.traces import below_chance

from .runs import NO_POSTPROCESS, Record
from .words import Figure, bin_name, bin_place, figure, interval, number


@dataclass(frozen=True)
class Column:
    """A column's head.  A column with a `metric` holds figures; `count` marks whole numbers, `small` long asides.

    shown: whether the reader sees it before choosing.
    """

    key: str
    label: str
    title: str = ""
    metric: Metric | None = None
    count: bool = False
    small: bool = False
    shown: bool = True

    @property
    def kind(self) -> str:
        """How a page sets it: `figure`, `tally`, `aside` or `name`."""
        return "figure" if self.metric else "tally" if self.count else "aside" if self.small else "name"


@dataclass(frozen=True)
class Cell:
    """One cell.  `order` is what it is sorted by; "" stands last in both directions.

    tone: `good` or `warning` where it is a verdict.
    """

    text: str
    order: str
    interval: str = ""
    note: str = ""
    best: dict[View, int] = field(default_factory=dict)
    """1 or 2 where the figure is the best or the second of its group, for each way of reading."""
    inverted: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """One row; `facets` are what it can be filtered by."""

    cells: list[Cell]
    facets: dict[str, str]
    control: bool = False


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and filtered.

    facets: each filter's values: value and name.  chosen: what a filter is set to before the reader chooses; of one
    that is not named, all.
    """

    columns: list[Column]
    rows: list[Row]
    facets: dict[str, list[tuple[str, str]]]
    chosen: dict[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, list[Metric]]:
        """The metrics that have a column, by their group."""
        by_subject: dict[str, list[Metric]] = {}
        for column in self.columns:
            if column.metric:
                by_subject.setdefault(GROUPS[column.metric.subject], []).append(column.metric)
        return by_subject


GROUPS: dict[Subject, str] = {
    "localisation": "Where (pixels)",
    "detection": "Whether (image)",
    "quality": "Quality",
}
"""What a page calls the metrics of a subject."""
FACET_NAMES = {
    "run": "Run",
    "dataset": "Data set",
    "inpainter": "Inpainter",
    "detector": "Detector",
    "postprocess": "Post-process",
    "assembly": "Assembly",
    "bin": "Hole",
    "learned": "Learned from",
}


def places(values: Sequence[float | None], groups: Sequence[Hashable], lowest: bool) -> list[int]:
    """1 for the best value of each group, 2 for the second, else 0; None competes in none.

    Equal values share a place.  No place goes to who beats nobody: the last of a group, or one alone in it.
    """
    rivals: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        if value is not None:
            rivals.setdefault(group, []).append(value)
    for ordered in rivals.values():
        ordered.sort(reverse=not lowest)
    return [0 if v is None else _place(v, rivals[group]) for v, group in zip(values, groups, strict=True)]


def _place(value: float, ordered: list[float]) -> int:
    if ordered[0] == ordered[-1]:
        return 0
    if value == ordered[0]:
        return 1
    return 2 if value == ordered[1] != ordered[-1] else 0


def figure_cell(row: Record, metric: Metric, best: dict[View, int]) -> Cell:
    """The cell of one figure of a row of an aggregated table."""
    value = figure(row, metric.key) or Figure(math.nan)
    left_out = int(row.get(metric.count_column, 0))
    every = left_out > 0 and left_out == row.get("n")
    return Cell(
        text="∞" if every and metric.undefined == "infinite" else number(value.value, metric.digits),
        order="" if math.isnan(value.value) else repr(value.value),
        interval=interval(value, metric.digits),
        note=f"{'all ' if every else ''}{left_out} {metric.undefined_text}" if left_out else "",
        best={view: place for view, place in best.items() if place},
        inverted=metric.key == AUC.key and bool(row.get("inverted")),
    )


def misled(row: Record, metric: Metric) -> bool:
    """Whether a figure is a misled detector's: of pixels where it points at the wrong ones, of images likewise."""
    if metric.subject == "localisation":
        return bool(row.get("inverted"))
    return metric.key == IMAGE_AUC.key and IMAGE_AUC.key in row and below_chance(row, IMAGE_AUC.key)


def values_of(rows: list[Row], head: str) -> list[tuple[str, str]]:
    """Each value of a facet with its name, in the order of the rows; bins in their own."""
    values = dict.fromkeys(row.facets[head] for row in rows)
    if head == "bin":
        return [(value, bin_name(value)) for value in sorted(values, key=bin_place)]
    if head == "postprocess":
        return [(value, value) for value in in_order(values)]
    if head == "assembly":
        return [(value, value) for value in sorted(values, key=lambda value: value != SPLICED)]
    return [(value, value) for value in values]


def chosen_first(values: Mapping[str, Sequence[tuple[str, str]]], **asked: str) -> dict[str, str]:
    """What filters are set to first: what is asked for where it is among the values, else their first."""
    held = {head: [value for value, _ in values.get(head, [])] for head in asked}
    return {head: value if value in held[head] else held[head][0] for head, value in asked.items() if held[head]}


def quiet_facets(values: Mapping[str, Sequence[tuple[str, str]]]) -> set[str]:
    """The names that are the same in every row and need not be said."""
    quiet = {head for head in ("run", "dataset") if len(values[head]) < 2}
    usual = {"postprocess": NO_POSTPROCESS, "assembly": SPLICED}
    held = {head: {value for value, _ in values.get(head, [])} for head in usual}
    return quiet | {head for head, value in usual.items() if held[head] <= {value}}


def filtered(heads: Sequence[str], columns: Sequence[Column], rows: Sequence[Row], **asked: str) -> Table:
    """A table with a filter for each of its heads that has several values, without the columns that need not be said.

    heads: the first columns' keys, by which rows can be filtered.  asked: what filters are set to first.
    """
    values = {head: values_of(list(rows), head) for head in heads}
    quiet = quiet_facets(values)
    loud = [k for k, column in enumerate(columns) if column.key not in quiet]
    return Table(
        [columns[k] for k in loud],
        [Row([row.cells[k] for k in loud], row.facets, row.control) for row in rows],
        facets={head: values[head] for head in heads if len(values[head]) > 1},
        chosen=chosen_first(values, **asked),
    )


def by_condition(table: Table) -> Table:
    """The same with filters for conditions alone: of a table so small that nobody has to search it."""
    return replace(table, facets={head: table.facets[head] for head in CONDITIONS if head in table.facets})


CONDITIONS = ("postprocess", "assembly")
"""The heads that say under which condition a figure is: no figure mixes them."""
COUNTED = Column("n", "n", "Images that the means are taken over.", count=True)
FAILED = Column("failures", "Failures", "Images that failed and are in no mean.", count=True)
