"""Figures of several trainings: photos and trainings are drawn, each by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from safebench.metrics.trainings import over_trainings
from safebench.metrics.uncertainty import Means, intervals

PHOTOS = np.repeat(np.arange(12), 2)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=24)


def test_one_training_has_the_interval_of_photos_alone(values: np.ndarray) -> None:
    shared = over_trainings(values[None], PHOTOS)
    [[alone]] = intervals([Means(values[:, None], PHOTOS)])
    assert shared.interval == pytest.approx(alone)
    assert shared.value == pytest.approx(values.mean())
    assert shared.of_each == (shared.value,)


def test_trainings_that_agree_add_nothing(values: np.ndarray) -> None:
    alone = over_trainings(values[None], PHOTOS).interval
    assert over_trainings(np.stack([values] * 3), PHOTOS).interval == pytest.approx(alone)


def test_two_trainings_span_from_the_one_to_the_other(values: np.ndarray) -> None:
    shared = over_trainings(np.stack([values, values + 10]), PHOTOS)
    low, high = over_trainings(values[None], PHOTOS).interval
    assert shared.value == pytest.approx(values.mean() + 5)
    assert shared.of_each == pytest.approx((values.mean(), values.mean() + 10))
    assert shared.interval.low == pytest.approx(low, abs=0.15)
    assert shared.interval.high == pytest.approx(high + 10, abs=0.15)


@pytest.mark.parametrize("trainings", [2, 5])
def test_the_spread_of_trainings_is_the_one_of_statistics(trainings: int) -> None:
    """Where photos are alike, the resamples' variance is that of a mean of so many: s^2 / S, with S - 1 below."""
    of_each = np.random.default_rng(trainings).normal(size=trainings)
    shared = over_trainings(np.repeat(of_each[:, None], 24, axis=1), PHOTOS)
    expected = math.sqrt(of_each.var(ddof=1) / trainings)
    width = shared.interval.high - shared.interval.low
    if trainings == 2:
        assert width == pytest.approx(2 * expected)  # the one or the other
    else:
        assert width == pytest.approx(2 * 1.96 * expected, rel=0.15)


def test_values_that_are_missing_are_not_averaged_in(values: np.ndarray) -> None:
    both = np.stack([values, values])
    both[1, :4] = math.nan, math.inf, math.nan, math.nan
    shared = over_trainings(both, PHOTOS)
    assert shared.value == pytest.approx((values.mean() + values[4:].mean()) / 2)
    assert all(math.isfinite(end) for end in shared.interval)


def test_without_two_photos_there_is_no_interval(values: np.ndarray) -> None:
    few = over_trainings(values[None, :2], PHOTOS[:2])
    assert few.value == pytest.approx(values[:2].mean())
    assert all(math.isnan(end) for end in few.interval)
    missing = over_trainings(np.stack([values, np.full(24, math.nan)]), PHOTOS)
    assert math.isnan(missing.value)
    assert all(math.isnan(end) for end in missing.interval)
