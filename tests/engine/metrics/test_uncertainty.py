from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from safebench.metrics import uncertainty
from safebench.metrics.detection_rate_at_5 import detection_rate_at_5
from safebench.metrics.image_auc import image_auc
from safebench.metrics.thresholds import flagged_share
from safebench.metrics.uncertainty import (
    PERCENTILES,
    RESAMPLES,
    SEED,
    SIGN_FLIPS,
    Contrast,
    Controls,
    Means,
    intervals,
    paired_difference,
    smallest_p,
)


def naive_resamples(names):
    """The photos drawn in each resample, as the module draws them."""
    generator = np.random.default_rng([SEED, len(names)])
    return [names[generator.integers(len(names), size=len(names))] for _ in range(RESAMPLES)]


def rows_of(drawn, photos):
    """The rows of the photos drawn, each as often as its photo was: resampling as one would write it down."""
    return np.concatenate([np.flatnonzero(photos == photo) for photo in drawn])


def test_means_equal_a_naive_loop_over_resampled_rows():
    generator = np.random.default_rng(0)
    photos = np.array(["b", "a", "a", "c", "d", "d", "d", "e"])
    values = generator.random((8, 3))
    values[[1, 4], 1] = [math.nan, math.inf]
    expected = []
    for drawn in naive_resamples(np.unique(photos)):
        rows = values[rows_of(drawn, photos)]
        expected.append([column[np.isfinite(column)].mean() for column in rows.T])
    low, high = np.percentile(expected, PERCENTILES, axis=0)
    (found,) = intervals([Means(values, photos)])
    assert found == [pytest.approx((a, b), abs=1e-12) for a, b in zip(low, high, strict=True)]


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("photos_with_originals", [range(30), range(3, 26), range(5, 40)])
def test_contrasts_equal_a_naive_loop_over_resampled_rows(ties, photos_with_originals):
    generator = np.random.default_rng(1)
    photos = generator.integers(30, size=75)
    original_photos = np.array(photos_with_originals)
    inpainted, originals = generator.beta(3, 2, photos.size), generator.beta(2, 3, original_photos.size)
    if ties:
        inpainted, originals = inpainted.round(1), originals.round(1)
    areas, rates = [], []
    for drawn in naive_resamples(np.union1d(photos, original_photos)):
        scores, controls = inpainted[rows_of(drawn, photos)], originals[rows_of(drawn, original_photos)]
        areas.append(image_auc(scores, controls))
        rates.append(detection_rate_at_5(scores, controls))
    ((area, rate),) = intervals([Contrast(inpainted, photos, Controls(originals, original_photos))])
    assert area == pytest.approx(tuple(np.percentile(areas, PERCENTILES)), abs=1e-12)
    assert rate == pytest.approx(tuple(np.percentile(rates, PERCENTILES)), abs=1e-12)


def test_resamples_without_any_image_of_the_kind_are_left_out():
    values = np.array([[1.0, 0.1], [math.nan, 0.2], [math.nan, 0.3], [3.0, 0.4]])
    photos = np.arange(4)
    with np.errstate(invalid="ignore"):
        expected = [
            np.mean(known) if (known := [values[p, 0] for p in drawn if p in (0, 3)]) else math.nan
            for drawn in naive_resamples(photos)
        ]
    assert np.isnan(expected).any()
    ((found, _),) = intervals([Means(values, photos)])
    assert found == pytest.approx(tuple(np.nanpercentile(expected, PERCENTILES)), abs=1e-12)


def test_the_masks_of_one_photo_stay_together():
    """Copies of each image add nothing: rows as independent draws would shrink the interval by half."""
    values, photos = np.random.default_rng(2).random((20, 1)), np.arange(20)
    assert intervals([Means(values, photos)]) == intervals([Means(np.tile(values, (4, 1)), np.tile(photos, 4))])


def test_the_interval_of_a_mean_is_about_as_wide_as_theory_says():
    values = np.random.default_rng(3).normal(5, 2, (400, 1))
    (((low, high),),) = intervals([Means(values, np.arange(400))])
    half = 1.96 * values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)


def test_figures_do_not_depend_on_what_is_resampled_beside_them_or_on_the_order_of_images(monkeypatch):
    generator = np.random.default_rng(4)
    values, photos, originals = generator.random((60, 2)), np.arange(60) % 20, generator.random(20)
    order = generator.permutation(20)
    contrast = Contrast(values[:, 0], photos, Controls(originals, np.arange(20)))
    reordered = Contrast(values[:, 0], photos, Controls(originals[order], order))
    means = Means(values, photos)
    together = intervals([means, contrast, Means(values[:6], photos[:6]), reordered])
    assert together[0] == intervals([means])[0]
    assert together[1] == together[3] == intervals([contrast])[0]
    monkeypatch.setattr(uncertainty, "BLOCK", 20 * 37)
    assert intervals([means, contrast]) == together[:2]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_two_photos_have_no_interval(count):
    photos = np.arange(count)
    scores = np.linspace(0, 1, count)
    several = np.arange(5)
    statistics = [
        Means(scores[:, None], photos),
        Contrast(scores, photos, Controls(several / 4, several)),
        Contrast(several / 4, several, Controls(scores, photos)),
    ]
    for found in intervals(statistics):
        for interval in found:
            assert math.isnan(interval.low) == math.isnan(interval.high) == (count < 2)


def test_two_images_of_one_photo_are_one_photo():
    ((interval,),) = intervals([Means(np.array([[0.1], [0.9]]), np.array([7, 7]))])
    assert math.isnan(interval.low)
    found = paired_difference(np.array([0.1, 0.9]), np.array([0.0, 0.5]), np.array([7, 7]))
    assert found.difference == pytest.approx(0.25)
    assert math.isnan(found.low)
    assert found.p == 1


def test_a_metric_that_only_one_photo_has_gets_no_interval():
    values = np.array([[0.1, 0.5], [0.2, math.nan], [0.3, math.nan]])
    ((first, second),) = intervals([Means(values, np.arange(3))])
    assert first.low < first.high
    assert math.isnan(second.low)


@pytest.mark.parametrize("values", ["spread", "tied"])
def test_the_sign_flip_p_value_nears_exhaustive_enumeration(values):
    generator = np.random.default_rng(5)
    photos = np.repeat(np.arange(9), 2)
    a = generator.random(18) + 0.12 if values == "spread" else generator.integers(0, 4, 18) / 3
    b = generator.random(18) if values == "spread" else generator.integers(0, 3, 18) / 3
    sums = np.array([(a - b)[photos == photo].sum() for photo in range(9)])
    flips = [abs(np.dot(signs, sums)) for signs in itertools.product([1, -1], repeat=9)]
    exact = np.mean(np.array(flips) >= abs(sums.sum()) - 1e-9)
    assert 0.01 < exact < 0.5
    found = paired_difference(a, b, photos)
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / SIGN_FLIPS))


def test_the_paired_interval_is_that_of_the_differences():
    generator = np.random.default_rng(6)
    a, b, photos = generator.random(40), generator.random(40), np.arange(40) % 15
    found = paired_difference(a, b, photos)
    assert found.difference == pytest.approx((a - b).mean(), abs=1e-15)
    ((interval,),) = intervals([Means((a - b)[:, None], photos)])
    assert (found.low, found.high) == interval
    mirrored = paired_difference(b, a, photos)
    assert (mirrored.difference, mirrored.low, mirrored.high) == pytest.approx(
        (-found.difference, -found.high, -found.low), abs=1e-12
    )
    assert mirrored.p == found.p


def test_a_clear_difference_has_the_smallest_p_and_none_has_1():
    photos = np.arange(50)
    b = np.random.default_rng(7).random(50)
    assert paired_difference(b + 0.1, b, photos).p == 1 / (SIGN_FLIPS + 1)
    assert paired_difference(b, b, photos) == (0, 0, 0, 1)
    assert all(math.isnan(figure) for figure in paired_difference(b[:0], b[:0], photos[:0]))


def test_no_difference_of_few_photos_has_a_smaller_p_than_they_allow():
    assert [smallest_p(photos) for photos in (0, 1, 4, 6, 40)] == [1, 1, 0.125, 0.03125, 1 / (SIGN_FLIPS + 1)]
    for photos in (4, 6, 40):
        a = np.linspace(1, 2, photos)
        expected = smallest_p(photos)
        found = paired_difference(a, np.zeros(photos), np.arange(photos)).p
        assert found == pytest.approx(expected, abs=4 * math.sqrt(expected / SIGN_FLIPS))


def test_rates_are_means_of_flags():
    scores, photos = np.random.default_rng(8).random(30), np.arange(30) % 12
    ((interval,),) = intervals([Means((scores[:, None] >= 0.5).astype(float), photos)])
    rates = [flagged_share(scores[rows_of(drawn, photos)]) for drawn in naive_resamples(np.unique(photos))]
    assert interval == pytest.approx(tuple(np.percentile(rates, PERCENTILES)), abs=1e-12)
