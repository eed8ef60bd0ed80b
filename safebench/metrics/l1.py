"""L1, the mean absolute error, over the whole picture and over the hole alone (docs/protocol.md, section 3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.psnr import PEAK


def l1(difference: NDArray[np.int64]) -> float:
    """Mean absolute value of 8-bit differences, in [0, 1]; NaN where there are none."""
    return int(np.abs(difference).sum()) / (PEAK * difference.size) if difference.size else math.nan


def _whole(evidence: CompositeEvidence) -> float:
    return l1(evidence.difference)


def _hole(evidence: CompositeEvidence) -> float:
    return l1(evidence.difference_in_hole)


L1 = Metric(
    key="l1",
    name="L1",
    meaning="Mean absolute error over the whole image.",
    subject="quality",
    compute=_whole,
    needs=frozenset(("composite", "original")),
    better="low",
    digits=4,
    tolerance=1e-6,
    default=True,
    shown=frozenset(),
)
L1_HOLE = Metric(
    key="l1_hole",
    name="L1-hole",
    meaning="Mean absolute error over the hole's pixels.",
    subject="quality",
    compute=_hole,
    needs=frozenset(("composite", "original", "hole")),
    better="low",
    digits=4,
    tolerance=1e-6,
    default=True,
    shown=frozenset(),
)
