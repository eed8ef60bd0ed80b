"""PSNR, over the whole picture and over the hole alone (docs/protocol.md, section 3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.metric import Metric

PEAK = 255


def psnr(difference: NDArray[np.int64]) -> float:
    """10 log10(255^2 / MSE) of 8-bit differences; +inf where all are 0, NaN where there are none.

    Whole numbers until the division, so that it is exact.
    """
    if not difference.size:
        return math.nan
    squares = int(np.square(difference).sum())
    return 10 * math.log10(PEAK**2 * difference.size / squares) if squares else math.inf


def _whole(evidence: CompositeEvidence) -> float:
    return psnr(evidence.difference)


def _hole(evidence: CompositeEvidence) -> float:
    return psnr(evidence.difference_in_hole)


PSNR = Metric(
    key="psnr",
    name="PSNR",
    unit="dB",
    meaning="PSNR over the whole image; images identical to the original are counted, never averaged in.",
    subject="quality",
    compute=_whole,
    needs=frozenset(("composite", "original")),
    better="high",
    digits=2,
    undefined="infinite",
    tolerance=1e-6,
    default=True,
    shown=frozenset(("terminal",)),
)
PSNR_HOLE = Metric(
    key="psnr_hole",
    name="PSNR-hole",
    unit="dB",
    meaning="PSNR over the hole's pixels; images identical to the original are counted, never averaged in.",
    subject="quality",
    compute=_hole,
    needs=frozenset(("composite", "original", "hole")),
    better="high",
    digits=2,
    undefined="infinite",
    tolerance=1e-6,
    default=True,
)
