from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from safebench.metrics.rates import exact_interval, share_interval
from safebench.metrics.uncertainty import UNDEFINED, Interval, Means, intervals


@pytest.mark.parametrize(("hits", "photos"), [(0, 4), (4, 4), (1, 6), (3, 20), (20, 20), (7, 100), (0, 1)])
def test_a_whole_number_of_photos_gives_the_exact_binomial_interval(hits, photos):
    expected = binomtest(hits, photos).proportion_ci(0.95, method="exact")
    assert exact_interval(hits / photos, photos) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_seen_in_four_photos_says_little():
    assert exact_interval(0.0, 4) == pytest.approx((0, 0.602), abs=1e-3)


def test_a_share_between_two_whole_numbers_has_an_interval_between_theirs():
    below, at, above = (exact_interval(hits / 6, 6) for hits in (1, 1.5, 2))
    assert below.low < at.low < above.low
    assert below.high < at.high < above.high


def test_the_wider_end_of_both_is_told():
    exact = exact_interval(0.5, 10)
    assert share_interval(0.5, 10, Interval(0.05, 0.6)) == (0.05, exact.high)
    assert share_interval(0.5, 10, Interval(0.4, 0.99)) == (exact.low, 0.99)
    assert share_interval(0.5, 10, UNDEFINED) == exact
    assert all(math.isnan(end) for end in share_interval(math.nan, 0, UNDEFINED))


def test_the_interval_holds_the_true_rate_where_the_images_of_a_photo_are_alike():
    """1,000 made-up runs of 12 photos of up to 4 images, each photo flagged whole or not, one in ten of them."""
    generator = np.random.default_rng(0)
    held = resampled_held = 0
    runs = 1000
    photos = np.repeat(np.arange(12), [1, 2, 3, 4] * 3)
    flagged = (generator.random((12, runs)) < 0.1).astype(float)[photos]
    (found,) = intervals([Means(flagged, photos)])
    for column, resampled in zip(flagged.T, found, strict=True):
        interval = share_interval(float(column.mean()), 12, resampled)
        held += interval.low <= 0.1 <= interval.high
        resampled_held += resampled.low <= 0.1 <= resampled.high
    assert held / runs >= 0.95
    assert resampled_held / runs < 0.8
