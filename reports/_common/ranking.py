"""Who is found by whom: the cells that the findings speak of."""

from __future__ import annotations

from .runs import NO_POSTPROCESS, Record, Run
from .words import ALL_BINS


def all_bins(run: Run, dataset: str) -> list[Record]:
    """The detection cells of all bins together, of unprocessed composites where there are any."""
    rows = [row for row in run.detection if row["dataset"] == dataset and row["bin"] == ALL_BINS]
    return unprocessed(rows)


def unprocessed(rows: list[Record]) -> list[Record]:
    """The rows without a post-process; all where there are only others."""
    return [row for row in rows if row["postprocess"] == NO_POSTPROCESS] or rows


def qualities(run: Run, dataset: str) -> list[Record]:
    """The quality cells of all bins together."""
    return [row for row in run.quality if row["dataset"] == dataset and row["bin"] == ALL_BINS]
