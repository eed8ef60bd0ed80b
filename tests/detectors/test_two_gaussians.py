"""The mixture of two Gaussians against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from safebench_detectors import _two_gaussians
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

pytestmark = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")


def clouds(apart: float, dimensions: int = 5) -> np.ndarray:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(dimensions, dimensions)) / 10
    return np.concatenate([rng.normal(size=(300, dimensions)) @ mixing, rng.normal(apart, 0.2, (100, dimensions))])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("apart", [0.0, 0.2, 1.0])
def test_it_is_scikit_learns(apart, seed):
    points = clouds(apart)
    ours = _two_gaussians.fit(points, seed)
    theirs = GaussianMixture(2, init_params="k-means++", random_state=seed).fit(points)
    np.testing.assert_allclose(ours.weights, theirs.weights_, atol=1e-9)
    np.testing.assert_allclose(ours.means, theirs.means_, atol=1e-9)
    np.testing.assert_allclose(ours.covariances, theirs.covariances_, atol=1e-9)
    np.testing.assert_allclose(ours.first_share(points), theirs.predict_proba(points)[:, 0], atol=1e-7)
    centred = points - theirs.means_[1]
    squares = np.einsum("nd,de,ne->n", centred, theirs.precisions_[1], centred)
    np.testing.assert_allclose(ours.distances(points)[1], np.sqrt(squares), rtol=1e-7)


def test_a_fit_that_does_not_settle_ends_where_scikit_learns_does(monkeypatch):
    monkeypatch.setattr(_two_gaussians, "_ENOUGH", 0.0)
    points = clouds(0.0, dimensions=2)
    theirs = GaussianMixture(2, init_params="k-means++", random_state=0, tol=0.0).fit(points)
    np.testing.assert_allclose(_two_gaussians.fit(points, 0).means, theirs.means_, atol=1e-6)


def test_points_that_are_nearly_all_one_leave_everything_finite():
    points = np.full((50, 3), 0.25)
    points[0] = 1
    mixture = _two_gaussians.fit(points, 0)
    assert np.isfinite(mixture.distances(points)).all()
    assert np.isfinite(mixture.first_share(points)).all()
    np.testing.assert_allclose(mixture.weights.sum(), 1)
