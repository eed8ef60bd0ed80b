"""Pixel AUC: how well a map separates the hole from the rest, whatever the threshold (docs/protocol.md, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.ranks import area

CHANCE = 0.5


def pixel_auc(scores: NDArray[np.floating[Any]], hole: NDArray[np.bool_]) -> float:
    """Area under the ROC curve over the pixels, exact, ties counting half; NaN where the hole is empty or full.

    scores: a map in [0, 1], H x W; hole: H x W.  Refuses what `MapEvidence` does.
    """
    return _auc(MapEvidence(scores, hole))


def _auc(evidence: MapEvidence) -> float:
    return area(*evidence.ranks)


AUC = Metric(
    key="auc",
    name="AUC",
    meaning="Pixel AUC: how well the map separates hole from known pixels, mean over images. 0.5 is chance.",
    subject="localisation",
    compute=_auc,
    needs=frozenset(("map", "hole")),
    better="low",
    chance=CHANCE,
    undefined="undefined",
    tolerance=2e-3,  # of a map that was stored with 16 bits
    default=True,
)
