"""AP, average precision per picture: precision averaged over what each threshold adds in recall."""

from __future__ import annotations

import math

import numpy as np

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _ap(evidence: MapEvidence) -> float:
    """Sum of (R_k - R_k-1) P_k over the distinct values of the map, falling; NaN where the hole is empty.

    Scikit-learn's definition: no interpolation between thresholds.
    """
    hole_below, rest_below = evidence.ranks
    if not hole_below[-1]:
        return math.nan
    # called at each distinct value, the highest last
    tp, fp = hole_below[-1] - hole_below[:-1], rest_below[-1] - rest_below[:-1]
    return float(np.diff(hole_below) @ (tp / (tp + fp)) / hole_below[-1])


AP = Metric(
    key="ap",
    name="AP",
    meaning="Average precision of the map against the hole, mean over images; the hole ratio is chance.",
    subject="localisation",
    compute=_ap,
    needs=frozenset(("map", "hole")),
    better="low",
    undefined="undefined",
    tolerance=2e-3,  # of a map that was stored with 16 bits
)
