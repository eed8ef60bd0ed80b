from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from safebench.metrics.fid import frechet_distance


def _by_scipy(first: np.ndarray, second: np.ndarray) -> float:
    c1, c2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = sqrtm(c1 @ c2)
    return float(np.square(first.mean(0) - second.mean(0)).sum() + np.trace(c1 + c2 - 2 * np.real(root)))


@pytest.mark.parametrize(("n", "m"), [(50, 80), (12, 200), (6, 9)], ids=["many", "few and many", "fewer than numbers"])
def test_equals_the_matrix_root_of_scipy(n, m):
    generator = np.random.default_rng(n)
    mixing = generator.normal(size=(10, 10))
    first = (generator.normal(size=(n, 10)) @ mixing).astype(np.float32)
    second = generator.normal(0.3, 1, size=(m, 10)).astype(np.float32)
    assert frechet_distance(first, second) == pytest.approx(_by_scipy(first, second), rel=1e-4)


def test_known_values():
    features = np.random.default_rng(0).normal(size=(30, 8))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features + 2) == pytest.approx(8 * 4), "means alone differ"
    assert math.isnan(frechet_distance(features[:1], features))
