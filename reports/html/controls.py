"""Whether the controls say what they must: references whose answer is known before a detector looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import DETECTION_RATE
from safebench.metrics.psnr import PSNR

from .._common.runs import Record, Run
from .._common.words import ALL_BINS, Figure, figure, told

CHANCE = (0.45, 0.55)
"""Where a detector's AUC has to lie on an image that equals its original."""


@dataclass(frozen=True)
class Verdict:
    """One control before one detector, all bins together."""

    control: str
    dataset: str
    postprocess: str
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

    @property
    def told_rate(self) -> str:
        """The detection rate with its interval."""
        return told(self.detection_rate)


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
        detector=row["detector"],
        n=int(row["n"]),
        auc=auc,
        detection_rate=figure(row, DETECTION_RATE.key) or nothing,
        expected=expected,
        holds=holds if decided else None,
    )
