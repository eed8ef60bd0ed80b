"""Divergences between hole and known region, less those of the untouched photo."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import multivariate_normal

from safebench.metrics.catalogue import chosen
from safebench.metrics.domain_gap import COOCCURRENCE, MMD, RESIDUAL, bhattacharyya, jensen_shannon, mmd_squared
from safebench.metrics.evidence import CompositeEvidence

METRICS = (COOCCURRENCE, RESIDUAL, MMD)


def test_they_are_measured_only_when_they_are_asked_for():
    assert not {*METRICS} & {*chosen(())}
    assert {*METRICS} <= {*chosen([metric.key for metric in METRICS])}


def test_jensen_shannon_is_scipys_squared():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, 81).astype(float), rng.integers(0, 30, 81).astype(float)
    expected = jensenshannon(first / first.sum(), second / second.sum(), base=2) ** 2
    assert jensen_shannon(first, second) == pytest.approx(expected)
    assert jensen_shannon(np.array([1.0, 0]), np.array([0, 5.0])) == pytest.approx(1)


def test_bhattacharyya_is_minus_the_logarithm_of_the_densities_overlap():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (400, 2)), rng.normal((1, 0), (2, 0.5), (300, 2))
    a, b = (
        multivariate_normal(sample.mean(axis=0), np.cov(sample, rowvar=False) + 0.01 * np.eye(2))
        for sample in (first, second)
    )
    axis = np.arange(-12, 12, 0.05)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    overlap = np.sqrt(a.pdf(grid) * b.pdf(grid)).sum() * 0.05**2
    assert bhattacharyya(first, second) == pytest.approx(-math.log(overlap), abs=1e-4)


def test_the_squared_discrepancy_has_no_bias():
    rng = np.random.default_rng(0)
    same = [mmd_squared(rng.normal(0, 1, (20, 3)), rng.normal(0, 1, (15, 3)), 1.5) for _ in range(400)]
    assert abs(np.mean(same)) < 3 * np.std(same) / 20
    first, second = rng.normal(0, 1, (4, 2)), rng.normal(1, 1, (3, 2))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return math.exp(-((a - b) ** 2).sum() / (2 * 0.7**2))

    expected = np.mean([kernel(a, b) for i, a in enumerate(first) for j, b in enumerate(first) if i != j])
    expected += np.mean([kernel(a, b) for i, a in enumerate(second) for j, b in enumerate(second) if i != j])
    expected -= 2 * np.mean([kernel(a, b) for a in first for b in second])
    assert mmd_squared(first, second, 0.7) == pytest.approx(expected)


def _picture(seed: int, grain: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:96, :96]
    smooth = 110 + 40 * np.sin(rows / 17) + 30 * np.cos(columns / 23)
    return np.clip(smooth[..., None] + rng.normal(0, grain, (96, 96, 3)), 0, 255).round().astype(np.uint8)


HOLE = np.zeros((96, 96), np.bool_)
HOLE[16:64, 24:72] = True


@pytest.mark.parametrize("metric", METRICS)
def test_a_smooth_hole_in_a_grainy_photo_is_far_and_its_own_content_is_not(metric):
    photo = _picture(0, 6)
    smooth, alike = (np.where(HOLE[..., None], other, photo) for other in (_picture(1, 0), _picture(1, 6)))
    assert metric.compute(CompositeEvidence(photo, photo, HOLE)) == 0
    far, near = (metric.compute(CompositeEvidence(picture, photo, HOLE)) for picture in (smooth, alike))
    assert far > 0.1
    assert abs(near) < far / 10


@pytest.mark.parametrize("metric", METRICS)
def test_without_a_whole_sample_on_each_side_there_is_no_figure(metric):
    photo = _picture(0, 6)
    thin, full = np.zeros_like(HOLE), np.ones_like(HOLE)
    thin[::7, ::5] = True
    for hole in (thin, full):
        assert math.isnan(metric.compute(CompositeEvidence(photo, photo, hole)))
    assert math.isnan(metric.compute(CompositeEvidence(photo[:6, :6], photo[:6, :6], HOLE[:6, :6])))
