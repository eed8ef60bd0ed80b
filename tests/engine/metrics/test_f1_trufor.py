"""Against the description, written with morphology by hand and scikit-learn's F1 at every threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.f1_trufor import F1_TRUFOR, F1_TRUFOR_BEST


def _band(hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inside and outside, by looking at each pixel's window; beyond the border the picture goes on as its mirror."""

    def windows(radius: int) -> np.ndarray:
        padded = np.pad(hole, radius, mode="symmetric")
        return np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))

    return np.asarray(windows(7).all((2, 3))), np.asarray(~windows(5).any((2, 3)))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_follows_the_description(seed, turned):
    generator = np.random.default_rng(seed)
    hole = np.zeros((64, 72), dtype=bool)
    hole[10:40, : 30 + 10 * seed] = True
    scores = np.round((generator.random(hole.shape) + 0.5 * (hole ^ turned)) / 1.5, 2).astype(np.float32)
    inside, outside = _band(hole)
    kept = inside | outside
    truth, values = inside[kept], scores[kept]
    for metric, thresholds in ((F1_TRUFOR, [0.5]), (F1_TRUFOR_BEST, np.unique(values))):
        both = [f1_score(truth, called) for t in thresholds for called in (values > t, values <= t)]
        assert metric.compute(MapEvidence(scores, hole)) == pytest.approx(max(both), abs=1e-12)


def test_a_hole_that_is_all_edge_gives_no_figure():
    hole = np.zeros((40, 40), dtype=bool)
    hole[10:22, 5:17] = True
    for metric in (F1_TRUFOR, F1_TRUFOR_BEST):
        assert math.isnan(metric.compute(MapEvidence(np.zeros((40, 40), np.float32), hole)))
        assert math.isnan(metric.compute(MapEvidence(np.zeros((40, 40), np.float32), ~np.zeros_like(hole))))


def test_a_value_of_a_half_is_not_called():
    hole = np.zeros((60, 60), dtype=bool)
    hole[:30] = True
    scores = np.where(hole, 0.5, 1).astype(np.float32)
    assert F1_TRUFOR.compute(MapEvidence(scores, hole)) == 1, "the inverse finds the hole, and nothing else"
