from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from safebench.metrics.ece import Calibration, ece


def _by_scikit_learn(inpainted: np.ndarray, originals: np.ndarray) -> float:
    """As many copies of each as there are of the others, so that both weigh alike."""
    scores = np.concatenate([np.repeat(inpainted, originals.size), np.repeat(originals, inpainted.size)])
    labels = np.arange(scores.size) < scores.size // 2
    share, mean = calibration_curve(labels, scores, n_bins=15)
    weights = np.histogram(scores, np.linspace(0, 1, 16))[0]
    return float((weights[weights > 0] / scores.size * np.abs(share - mean)).sum())


@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learns_calibration_curve_whatever_the_numbers(seed):
    generator = np.random.default_rng(seed)
    inpainted, originals = generator.beta(3, 2, 40 + 7 * seed), generator.beta(2, 4, 11)
    assert ece(inpainted, originals) == pytest.approx(_by_scikit_learn(inpainted, originals), abs=1e-12)


def test_known_values():
    assert ece(np.ones(3), np.zeros(5)) == 0, "certain and right"
    assert ece(np.zeros(3), np.ones(5)) == 1, "certain and wrong"
    assert ece(np.full(4, 0.5), np.full(9, 0.5)) == 0, "half of them are forged"
    assert math.isnan(ece(np.ones(3), np.array([])))


def test_a_resample_is_the_error_of_what_was_drawn():
    generator = np.random.default_rng(1)
    photos, controls = np.repeat(np.arange(6), 3), np.arange(6)
    scores, originals = generator.random(18), generator.random(6)
    drawn = generator.integers(6, size=6)
    weights = np.bincount(drawn, minlength=6)[:, None].astype(float)
    again = Calibration(scores, photos, originals, controls).resampled(weights)
    expected = ece(np.concatenate([scores[photos == p] for p in drawn]), originals[drawn])
    assert again == pytest.approx(np.array([[expected]]), abs=1e-12)
