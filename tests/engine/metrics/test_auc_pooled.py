from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from safebench.metrics.auc_pooled import AUC_POOLED, HISTOGRAM, PooledArea, levels, pooled_auc
from safebench.metrics.evidence import CellEvidence, MapEvidence
from safebench.metrics.feature import decoded, encoded
from safebench.metrics.uncertainty import Controls


class Held:
    """Histograms in memory."""

    def __init__(self, histograms) -> None:
        self.histograms = histograms

    def of_pictures(self) -> Iterator[np.ndarray]:
        return iter(self.histograms)

    def of_originals(self) -> Iterator[np.ndarray]:
        return iter([])

    @property
    def total(self) -> np.ndarray:
        return np.asarray(np.sum(self.histograms, axis=0, dtype=np.int64))


@pytest.fixture
def pictures():
    """Pictures of three sizes, two of one photo, with 16-bit maps of which one is dark all over."""
    generator = np.random.default_rng(0)
    found = []
    for size, dark in ((24, 1.0), (40, 0.01), (32, 1.0), (24, 0.5)):
        hole = generator.random((size, size)) < 0.3
        scores = dark * (generator.random(hole.shape) + 0.5 * hole) / 1.5
        found.append((np.rint(scores * 65535).astype(np.float32) / np.float32(65535), hole))
    return found


@pytest.fixture
def cell(pictures):
    stored = Held([decoded(encoded(levels(MapEvidence(*picture)))) for picture in pictures])
    none = Controls(np.array([]), np.array([]))
    return CellEvidence(np.full(4, np.nan), np.array([0, 1, 2, 2]), none, {HISTOGRAM.name: stored})


def _by_scikit_learn(pictures) -> float:
    return roc_auc_score(
        np.concatenate([h.ravel() for _, h in pictures]), np.concatenate([s.ravel() for s, _ in pictures])
    )


def test_equals_scikit_learn_over_all_pixels(pictures, cell):
    assert AUC_POOLED.compute(cell) == pytest.approx(_by_scikit_learn(pictures), abs=1e-12)
    mean = np.mean([_by_scikit_learn([picture]) for picture in pictures])
    assert abs(AUC_POOLED.compute(cell) - mean) > 0.05, "a map that is dark all over costs"


def test_a_resample_is_the_area_of_what_was_drawn(pictures, cell):
    statistic = PooledArea(cell)
    drawn = [2, 2, 0]
    [found] = statistic.resampled(np.bincount(drawn, minlength=3)[:, None].astype(float))[0]
    expected = _by_scikit_learn([pictures[k] for photo in drawn for k in np.flatnonzero(cell.photos == photo)])
    assert found == pytest.approx(expected, abs=2e-3), "levels are put together in 1,024 groups"


def test_no_hole_gives_nothing():
    assert np.isnan(pooled_auc(levels(MapEvidence(np.full((4, 4), 0.5, np.float32), np.zeros((4, 4), bool)))))


def test_what_is_no_stored_feature_is_refused():
    with pytest.raises(ValueError, match="is no stored feature"):
        decoded(b"PK\x03\x04 nothing")
