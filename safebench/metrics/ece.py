"""ECE, expected calibration error of the image-level score, taken as the chance that an image is forged.

Naeini et al., AAAI 2015, with 15 bins of equal width (Guo et al., ICML 2017).  Inpainted images and originals weigh
alike, half each, since how many of either a run holds is the run's choice.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.uncertainty import Photos, Statistic, Values

BINS = 15


def ece(inpainted: Values, originals: Values) -> float:
    """Sum over the bins of |share forged - mean score| times the bin's weight; NaN where either is missing.

    Scores in [0, 1]; bin k holds those in (k / 15, (k + 1) / 15], the first one 0 too.
    """
    if not inpainted.size or not originals.size:
        return math.nan
    gaps = _per_bin(inpainted, 1 - inpainted) / inpainted.size - _per_bin(originals, originals) / originals.size
    return float(np.abs(gaps).sum() / 2)


def _bin(scores: Values) -> NDArray[np.intp]:
    return np.clip(np.ceil(scores * BINS).astype(np.intp) - 1, 0, BINS - 1)


def _per_bin(scores: Values, values: Values) -> Values:
    return np.bincount(_bin(scores), weights=values, minlength=BINS).astype(np.float64)


class Calibration(Statistic):
    """The error for each resample of photos; the images and originals of one photo are drawn together."""

    def __init__(self, inpainted: Values, photos: Photos, originals: Values, original_photos: Photos) -> None:
        names = np.union1d(photos, original_photos)
        self.photos = names.size
        self.spread = np.array([min(np.unique(photos).size, np.unique(original_photos).size)])
        self._inpainted = self._table(inpainted, 1 - inpainted, np.searchsorted(names, photos))
        self._originals = self._table(originals, originals, np.searchsorted(names, original_photos))

    def _table(self, scores: Values, values: Values, photo: NDArray[np.intp]) -> Values:
        """Sums by bin and photo, and last how many images each photo has: 16 x photos."""
        table = np.zeros((BINS + 1, self.photos))
        np.add.at(table, (_bin(scores), photo), values)
        table[BINS] = np.bincount(photo, minlength=self.photos)
        return table

    def resampled(self, weights: Values) -> Values:
        """The error for each resample, 1 x R."""
        inpainted, originals = self._inpainted @ weights, self._originals @ weights
        with np.errstate(invalid="ignore"):  # NaN where a resample holds none of the one kind
            gaps = inpainted[:BINS] / inpainted[BINS] - originals[:BINS] / originals[BINS]
        error: Values = np.abs(gaps).sum(axis=0, keepdims=True) / 2
        return error


def _compute(cell: CellEvidence) -> float:
    return ece(cell.scores, cell.controls.scores)


def _resample(cell: CellEvidence) -> tuple[Calibration, int]:
    return Calibration(cell.scores, cell.photos, cell.controls.scores, cell.controls.photos), 0


ECE = Metric(
    key="ece",
    name="ECE",
    meaning="How far the score lies from the chance that an image is forged: 15 bins, forged and originals half each.",
    subject="detection",
    compute=_compute,
    needs=frozenset(("scores", "controls")),
    level="cell",
    better_for_detector="low",
    resample=_resample,
)
