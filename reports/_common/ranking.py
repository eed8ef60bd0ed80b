"""Who is found by whom: the cells that the findings speak of."""

from __future__ import annotations

from .runs import Record, Run
from .words import ALL_BINS


def all_bins(run: Run, dataset: str) -> list[Record]:
    """The detection cells of all bins together, under the one condition that is spoken of."""
    return of_one_condition(run, dataset, [row for row in run.detection if row["bin"] == ALL_BINS])


def of_one_condition(run: Run, dataset: str, rows: list[Record]) -> list[Record]:
    """The rows of a data set without a post-process; where there are none, of the one that is named in their place."""
    postprocess = run.claims.place(dataset)[1]
    return [row for row in rows if row["dataset"] == dataset and row["postprocess"] == postprocess]


def qualities(run: Run, dataset: str) -> list[Record]:
    """The quality cells of all bins together."""
    return [row for row in run.quality if row["dataset"] == dataset and row["bin"] == ALL_BINS]
