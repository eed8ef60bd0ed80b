"""Spearman's rank correlation, weighted by how often a photo was drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from safebench.metrics.correlation import Spearman
from safebench.metrics.uncertainty import intervals

RNG = np.random.default_rng(0)
X = RNG.integers(0, 12, 40).astype(np.float64)
Y = X + RNG.integers(0, 12, 40).astype(np.float64)
PHOTOS = np.array([f"p{k % 13}" for k in range(40)])


def test_it_is_scipys_with_ties():
    assert Spearman(X, Y, PHOTOS).value == pytest.approx(spearmanr(X, Y).statistic)


def test_a_photo_that_was_drawn_twice_counts_twice():
    weights = np.random.default_rng(1).integers(0, 3, (13, 5)).astype(float)
    names, photo = np.unique(PHOTOS, return_inverse=True)
    assert names.size == 13
    found = Spearman(X, Y, PHOTOS).resampled(weights)[0]
    for k in range(5):
        times = weights[photo, k].astype(int)
        assert found[k] == pytest.approx(spearmanr(np.repeat(X, times), np.repeat(Y, times)).statistic)


def test_its_interval_holds_it_and_what_does_not_vary_has_none():
    statistic = Spearman(X, Y, PHOTOS)
    [[interval]] = intervals([statistic])
    assert interval.low < statistic.value < interval.high
    assert math.isnan(Spearman(np.ones(40), Y, PHOTOS).value)
    assert math.isnan(Spearman(X[:0], Y[:0], PHOTOS[:0]).value)
