"""Pooled AUC: one ROC curve over all pixels of a cell's pictures together, as many papers have it.

A picture with a large hole, or with many pixels, weighs more than in the mean of the pictures' own curves, and a map
has to be right across pictures: one that is brighter all over is an error.

Maps are compared at 16 bits.  Each leaves behind how many pixels of the hole and of the rest it has at each level, so
that a cell's curve is a sum, whatever the number of pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence, MapEvidence
from safebench.metrics.feature import Feature
from safebench.metrics.metric import Metric
from safebench.metrics.ranks import area
from safebench.metrics.uncertainty import Statistic, Values

LEVELS = 1 << 16
GROUPS = 1024
"""Levels are put together for the interval into so many groups, of about as many pixels each."""


def levels(evidence: MapEvidence) -> NDArray[np.uint32]:
    """Pixels of the hole (first row) and of the rest (second) at each level of a 16-bit map: 2 x 65536."""
    level = np.rint(evidence.map.astype(np.float64) * (LEVELS - 1)).astype(np.intp)
    hole = evidence.true_hole
    return np.stack([np.bincount(level[part], minlength=LEVELS) for part in (hole, ~hole)]).astype(np.uint32)


HISTOGRAM = Feature(name="levels", of="map", extract=levels)


def pooled_auc(histogram: NDArray[Any]) -> float:
    """Area under the ROC curve of pixels counted by level, ties counting half; NaN where hole or rest has none."""
    hole, rest = (np.concatenate([[0], np.cumsum(row, dtype=np.int64)]) for row in histogram)
    return area(hole, rest)


class PooledArea(Statistic):
    """The pooled AUC for each resample of photos."""

    def __init__(self, cell: CellEvidence) -> None:
        feature = cell.features[HISTOGRAM.name]
        names, photo = np.unique(cell.photos, return_inverse=True)
        self.photos = names.size
        self.spread = np.array([names.size])
        self._hole, self._rest = np.zeros((2, GROUPS, names.size))
        filled = np.cumsum(feature.total.sum(axis=0))
        starts = np.unique(np.searchsorted(filled, np.linspace(0, filled[-1], GROUPS, endpoint=False), side="right"))
        for histogram, column in zip(feature.of_pictures(), photo, strict=True):
            grouped = np.add.reduceat(histogram, starts, axis=1)
            self._hole[: starts.size, column] += grouped[0]
            self._rest[: starts.size, column] += grouped[1]

    def resampled(self, weights: Values) -> Values:
        """The area for each resample, 1 x R; pixels of one group count as ties."""
        hole, rest = self._hole @ weights, self._rest @ weights
        below = np.cumsum(rest, axis=0) - rest / 2
        with np.errstate(invalid="ignore"):  # NaN where a resample has no hole, or nothing else
            area_: Values = (hole * below).sum(axis=0, keepdims=True) / (hole.sum(axis=0) * rest.sum(axis=0))
        return area_


def _compute(cell: CellEvidence) -> float:
    return pooled_auc(cell.features[HISTOGRAM.name].total)


def _resample(cell: CellEvidence) -> tuple[PooledArea, int]:
    return PooledArea(cell), 0


AUC_POOLED = Metric(
    key="auc_pooled",
    name="AUC, pooled",
    meaning="One ROC curve over all pixels of a cell's images together, at 16 bits. 0.5 is chance.",
    subject="localisation",
    compute=_compute,
    needs=frozenset((HISTOGRAM.name,)),
    level="cell",
    better="low",
    chance=0.5,
    feature=HISTOGRAM,
    resample=_resample,
)
