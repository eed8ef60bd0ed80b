"""Whether the controls say what they must: references whose answer is known before a detector looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import DETECTION_RATE
from safebench.metrics.psnr import PSNR
from safebench.protocol import SPLICED

from .._common.cells import COUNTED, FACET_NAMES, Cell, Column, Row, Table, by_condition, filtered
from .._common.runs import NO_POSTPROCESS, Record, Run, of_each_assembly
from .._common.words import ALL_BINS, Figure, figure, interval, number, told

CHANCE = (0.45, 0.55)
"""Where a detector's AUC has to lie on an image that equals its original."""


@dataclass(frozen=True)
class Verdict:
    """One control before one detector, all bins together."""

    control: str
    dataset: str
    postprocess: str
    assembly: str
    detector: str
    n: int
    auc: Figure
    detection_rate: Figure
    expected: str
    holds: bool | None
    """None where there are too few photos to say."""

    @property
    def told_auc(self) -> str:
        """The AUC with its interval."""
        return told(self.auc)


def verdicts(run: Run) -> list[Verdict]:
    """The verdict on each control and detector.

    A control that gives back the original itself must lie near chance: it does not hold where its AUC lies outside and
    its interval is clear of 0.5.  Any other has to be found: its AUC's interval lies above 0.5.  With few photos an
    interval that decides neither says nothing.
    """
    untouched = {
        (row["dataset"], row["inpainter"]) for row in run.quality if row["bin"] == ALL_BINS and _identical(row)
    }
    return [
        _verdict(row, (row["dataset"], row["inpainter"]) in untouched, run.claims.enough(row))
        for row in run.detection
        if row["bin"] == ALL_BINS and run.is_control(row["inpainter"])
    ]


def controls_table(runs: Sequence[Run]) -> Table:
    """The verdicts of all runs, filtered by condition."""
    heads = {"run": "Run", "inpainter": "Control"}
    heads |= {key: FACET_NAMES[key] for key in ("dataset", "detector", "postprocess", "assembly")}
    columns = [Column(key, name) for key, name in heads.items()]
    columns += [
        Column("verdict", "Verdict"),
        *(Column(m.key, m.label, m.meaning, replace(m, better="", chance=None)) for m in (AUC, DETECTION_RATE)),
        COUNTED,
        Column("expected", "Expected"),
    ]
    rows = [_row(run, verdict) for run in of_each_assembly(runs) for verdict in verdicts(run)]
    usual = {"postprocess": NO_POSTPROCESS, "assembly": SPLICED}
    return by_condition(filtered(list(heads), columns, rows, **usual))


def _row(run: Run, verdict: Verdict) -> Row:
    facets = {
        "run": run.label,
        "inpainter": verdict.control,
        "dataset": verdict.dataset,
        "detector": verdict.detector,
        "postprocess": verdict.postprocess,
        "assembly": verdict.assembly,
    }
    text, tone = _SAID[verdict.holds]
    cells = [Cell(value, value) for value in facets.values()]
    cells += [Cell(text, text, tone=tone)]
    for found in (verdict.auc, verdict.detection_rate):
        order = "" if math.isnan(found.value) else repr(found.value)
        cells.append(Cell(number(found.value), order, interval(found)))
    cells += [Cell(f"{verdict.n:,}", str(verdict.n)), Cell(verdict.expected, verdict.expected)]
    return Row(cells, facets)


_SAID = {
    True: ("✓ holds", "good"),
    False: ("✗ does not hold", "warning"),
    None: ("too few to say", "warning"),
}


def _identical(row: Record) -> bool:
    """Whether every composite equals its original, bit by bit."""
    return bool(0 < row["n"] == row.get(PSNR.count_column))


def _verdict(row: Record, identical: bool, enough: bool) -> Verdict:
    nothing = Figure(math.nan)
    auc = figure(row, AUC.key) or nothing
    low, high = CHANCE
    if identical:
        near = low <= auc.value <= high
        expected, holds, clear = f"no trace: AUC within {low}–{high}", near, near or not auc.low <= 0.5 <= auc.high
    else:
        expected, holds, clear = "found: AUC above 0.5", auc.low > 0.5, auc.low > 0.5 or auc.high <= 0.5
    decided = enough or (clear and not math.isnan(auc.low))
    return Verdict(
        control=row["inpainter"],
        dataset=row["dataset"],
        postprocess=row["postprocess"],
        assembly=row["assembly"],
        detector=row["detector"],
        n=int(row["n"]),
        auc=auc,
        detection_rate=figure(row, DETECTION_RATE.key) or nothing,
        expected=expected,
        holds=holds if decided else None,
    )
