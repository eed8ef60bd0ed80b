"""Detection rate of somebody who can calibrate on few originals: the threshold is set from 10 of them.

The rule is that of 5% false alarms, which with 10 originals spares all of them: an image is flagged where its score
exceeds theirs.  The mean over all choices of 10 is computed as it is, and needs no draws: 10 that all lie among the i
lowest of n originals are chosen with the chance C(i, 10) / C(n, 10).
"""

from __future__ import annotations

import math

import numpy as np

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.uncertainty import Numbers, Statistic, Values

ORIGINALS = 10


def detection_rate_from_k(inpainted: Values, originals: Values, k: int = ORIGINALS) -> float:
    """Expected share of inpainted images above the highest of k originals; NaN with fewer than k, or no image.

    inpainted, originals: scores in [0, 1], one an image; the order does not matter.
    """
    if not inpainted.size or originals.size < k:
        return math.nan
    below = np.searchsorted(np.sort(originals), inpainted, side="left")
    return float(_chance_all_below(below.astype(np.float64), float(originals.size), k).mean())


def _chance_all_below(below: Values, total: Values | float, k: int) -> Values:
    """Chance that k of `total` originals all lie among the `below` lowest: C(below, k) / C(total, k)."""
    chance = np.ones(np.broadcast(below, total).shape)
    for drawn in range(k):
        chance *= np.maximum(below - drawn, 0) / (total - drawn)
    return chance


class FewOriginals(Statistic):
    """The rate for each resample of photos; a resample's originals count as often as their photo was drawn."""

    def __init__(self, cell: CellEvidence) -> None:
        names = np.union1d(cell.photos, cell.controls.photos)
        self.photos = names.size
        self.spread = np.array([min(np.unique(cell.photos).size, np.unique(cell.controls.photos).size)])
        self._controls = cell.controls
        self._control_photo = np.searchsorted(names, cell.controls.photos)
        self._photo = np.searchsorted(names, cell.photos)
        self._below: Numbers = np.searchsorted(cell.controls.scores, cell.scores, side="left")

    def resampled(self, weights: Values) -> Values:
        """The rate for each resample, 1 x R; NaN where a resample has fewer than k originals or no image."""
        before, _ = self._controls.ranked(weights, self._control_photo)
        total, images = before[-1], weights[self._photo]
        with np.errstate(invalid="ignore", divide="ignore"):
            chance = _chance_all_below(before, total, ORIGINALS)
            rate = (chance[self._below] * images).sum(axis=0) / images.sum(axis=0)
        return np.where(total >= ORIGINALS, rate, math.nan)[None]


def _compute(cell: CellEvidence) -> float:
    return detection_rate_from_k(cell.scores, cell.controls.scores)


def _resample(cell: CellEvidence) -> tuple[Statistic, int]:
    return FewOriginals(cell), 0


THRESHOLD_FROM_K = Metric(
    key="threshold_from_k",
    name="Detection rate from 10 originals",
    meaning="Share of inpainted images above the highest score of 10 originals, mean over all choices of the 10.",
    subject="detection",
    compute=_compute,
    needs=frozenset(("scores", "controls")),
    level="cell",
    better="low",
    resample=_resample,
    share="pictures",
)
