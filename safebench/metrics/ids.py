"""P-IDS and U-IDS of Zhao et al. (CoModGAN, ICLR 2021): how often a linear classifier takes a composite for a photo.

A linear SVM is fitted to the Inception features of a cell's composites and of their originals, and asked about the same
ones.  With fewer pictures than the 2,048 features it tells them all apart, and both are 0: they need thousands.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.fid import INCEPTION
from safebench.metrics.metric import Metric

Features = NDArray[np.float32]


def discriminative_scores(composites: NDArray[Any], originals: NDArray[Any]) -> tuple[float, float]:
    """P-IDS and U-IDS of N composites and the original of each, N x D both; NaN where there are none.

    P-IDS: share of composites that lie further on the photos' side than their own originals.  U-IDS: share of all
    pictures that the classifier gets wrong, 0.5 at best.
    """
    from sklearn.svm import LinearSVC  # slow to import, and not needed to read tables

    if not len(composites):
        return math.nan, math.nan
    pictures = np.concatenate([composites, originals]).astype(np.float64)
    real = np.arange(len(pictures)) >= len(composites)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as published: the default number of iterations, converged or not
        classifier = LinearSVC(dual=False).fit(pictures, real)
    side = classifier.decision_function(pictures)
    return float((side[~real] > side[real]).mean()), float(((side > 0) != real).mean())


@lru_cache(maxsize=1)  # both figures of a cell by one classifier
def _scores(cell: CellEvidence) -> tuple[float, float]:
    stored = cell.features[INCEPTION.name]
    originals = np.stack([*stored.of_originals()])
    _, own = np.unique(cell.photos, return_inverse=True)
    return discriminative_scores(np.stack([*stored.of_pictures()]), originals[own])


def _p_ids(cell: CellEvidence) -> float:
    return _scores(cell)[0]


def _u_ids(cell: CellEvidence) -> float:
    return _scores(cell)[1]


P_IDS = Metric(
    key="p_ids",
    name="P-IDS",
    meaning="Share of composites that a linear SVM on Inception features holds for more real than their own originals.",
    subject="quality",
    compute=_p_ids,
    needs=frozenset((INCEPTION.name,)),
    level="cell",
    better="high",
    feature=INCEPTION,
)
U_IDS = Metric(
    key="u_ids",
    name="U-IDS",
    meaning="Share of composites and originals that a linear SVM on Inception features mistakes; 0.5 at best.",
    subject="quality",
    compute=_u_ids,
    needs=frozenset((INCEPTION.name,)),
    level="cell",
    better="high",
    feature=INCEPTION,
)
