"""Detection rate at the threshold that gives 5% false alarms, and that threshold (docs/protocol.md, section 5)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.thresholds import calibrated_threshold, flagged_share
from safebench.metrics.uncertainty import Contrast

Scores = NDArray[np.float64]


def detection_rate_at_5(inpainted: Scores, originals: Scores) -> float:
    """Share of inpainted images that reach the originals' `calibrated_threshold`; NaN where either is empty."""
    threshold = calibrated_threshold(originals)
    return math.nan if math.isnan(threshold) else flagged_share(inpainted, threshold)


def _rate(cell: CellEvidence) -> float:
    return detection_rate_at_5(cell.scores, cell.controls.scores)


def _resample(cell: CellEvidence) -> tuple[Contrast, int]:
    return cell.contrast, 1


def _threshold(cell: CellEvidence) -> float:
    return calibrated_threshold(cell.controls.scores)


DETECTION_RATE_AT_5 = Metric(
    key="detection_rate_at_5",
    name="Detection rate at 5% false alarms",
    meaning="Share of inpainted images above the threshold that 5% of the originals exceed.",
    subject="detection",
    compute=_rate,
    needs=frozenset(("scores", "controls")),
    level="cell",
    better="low",
    resample=_resample,
    share="pictures",
    default=True,
    shown=frozenset(("leaderboard",)),
)
THRESHOLD_AT_5 = Metric(
    key="threshold_at_5",
    name="Threshold at 5%",
    meaning="The score that 5% of the untouched originals exceed.",
    subject="detection",
    compute=_threshold,
    needs=frozenset(("controls",)),
    level="cell",
    over="originals",
    default=True,
    shown=frozenset(),
)
