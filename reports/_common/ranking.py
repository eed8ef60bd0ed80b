"""Who is found by whom: the cells that the findings speak of."""

from __future__ import annotations

import math

from safebench.metrics.auc import AUC
from safebench.results.tables import compare_inpainters

from .runs import NO_POSTPROCESS, Record, Run, records
from .words import ALL_BINS, Figure, figure


def all_bins(run: Run, dataset: str) -> list[Record]:
    """The detection cells of all bins together, of unprocessed composites where there are any."""
    rows = [row for row in run.detection if row["dataset"] == dataset and row["bin"] == ALL_BINS]
    return unprocessed(rows)


def unprocessed(rows: list[Record]) -> list[Record]:
    """The rows without a post-process; all where there are only others."""
    return [row for row in rows if row["postprocess"] == NO_POSTPROCESS] or rows


def strongest(run: Run, dataset: str) -> list[Record]:
    """For each inpainter the cell of the detector that finds it best, the least found first.

    Controls and unfinished cells do not compete.  An inverted cell speaks for an inpainter only where all are
    inverted, and then counts as far from chance as it lies: the detector is misled, and the trace is there.
    """
    met: dict[str, list[Record]] = {}
    for row in all_bins(run, dataset):
        if run.competes(row):
            met.setdefault(row["inpainter"], []).append(row)
    best = [found for rows in met.values() if (found := unmistaken(rows))]
    return sorted(best, key=lambda row: (trace(row), row["inpainter"]))


def unmistaken(rows: list[Record]) -> Record | None:
    """Of one inpainter's cells that of the detector that finds it best; None where none has an AUC."""
    return max((row for row in rows if not math.isnan(row[AUC.key])), key=_strength, default=None)


def _strength(row: Record) -> tuple[bool, float]:
    return (False, trace(row)) if row["inverted"] else (True, row[AUC.key])


def trace(row: Record) -> float:
    """How much is found of an inpainter, however the detector is turned."""
    return AUC.trace(row[AUC.key])


def auc(row: Record) -> Figure:
    """The pixel AUC of a cell."""
    return figure(row, AUC.key) or Figure(math.nan)


def paired(run: Run, first: Record, second: Record) -> tuple[Figure, float]:
    """By how much more one detector finds `second` than `first` on the same images, and the p-value.

    AUC, all bins together (docs/protocol.md, section 6).
    """
    rows = run.results.detection
    for key in ("dataset", "postprocess", "detector"):
        rows = rows[rows[key] == first[key]]
    compared = compare_inpainters(rows, second["inpainter"], first["inpainter"], AUC.column)
    [pair] = records(compared[compared["bin"] == ALL_BINS])
    return Figure(pair["difference"], pair["low"], pair["high"]), pair["p"]


def qualities(run: Run, dataset: str) -> list[Record]:
    """The quality cells of all bins together."""
    return [row for row in run.quality if row["dataset"] == dataset and row["bin"] == ALL_BINS]
