from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from safebench.metrics.ids import discriminative_scores


def _side(features: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The same SVM (squared hinge, C = 1, the offset penalised as liblinear does) by a general minimiser."""
    signs = np.where(real, 1.0, -1.0)
    whole = np.column_stack([features, np.ones(len(features))])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        slack = np.maximum(0, 1 - signs * (whole @ w))
        return 0.5 * w @ w + (slack**2).sum(), w - 2 * whole.T @ (signs * slack)

    found = minimize(loss, np.zeros(whole.shape[1]), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9})
    return whole @ found.x


@pytest.mark.parametrize("seed", range(3))
def test_equals_an_svm_by_another_minimiser(seed):
    generator = np.random.default_rng(seed)
    originals = generator.normal(size=(60, 4))
    composites = originals + generator.normal(0.2, 0.5, size=(60, 4))
    side = _side(np.concatenate([composites, originals]), np.arange(120) >= 60)
    p_ids, u_ids = discriminative_scores(composites, originals)
    assert p_ids == pytest.approx((side[:60] > side[60:]).mean(), abs=1 / 60)
    assert u_ids == pytest.approx(((side > 0) != (np.arange(120) >= 60)).mean(), abs=1 / 120)


def test_what_is_told_apart_gets_nothing_and_what_is_not_about_a_half():
    generator = np.random.default_rng(5)
    originals = generator.normal(size=(400, 6))
    assert discriminative_scores(originals + 9, originals) == (0, 0)
    _, u_ids = discriminative_scores(generator.normal(size=(400, 6)), originals)
    assert 0.4 < u_ids < 0.6
    assert all(map(math.isnan, discriminative_scores(originals[:0], originals[:0])))
