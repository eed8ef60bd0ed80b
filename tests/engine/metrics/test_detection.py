from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import roc_auc_score

from safebench.metrics.detection_rate_at_5 import detection_rate_at_5
from safebench.metrics.image_auc import image_auc
from safebench.metrics.thresholds import calibrated_threshold, flagged_share

TIED = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
SCORES = st.sampled_from([TIED, st.floats(0, 1)]).flatmap(
    lambda elements: hnp.arrays(np.float64, st.integers(1, 70), elements=elements)
)


@settings(max_examples=150)
@given(SCORES, SCORES)
def test_image_auc_equals_scikit_learn(inpainted, originals):
    truth = np.repeat([1, 0], [inpainted.size, originals.size])
    expected = roc_auc_score(truth, np.concatenate([inpainted, originals]))
    assert image_auc(inpainted, originals) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=300)
@given(SCORES)
def test_the_calibrated_threshold_is_the_smallest_that_spares_95_percent(originals):
    threshold = calibrated_threshold(originals)
    assert 100 * np.count_nonzero(originals >= threshold) <= 5 * originals.size
    a_little_lower = np.nextafter(threshold, -np.inf)
    assert 100 * np.count_nonzero(originals >= a_little_lower) > 5 * originals.size


@settings(max_examples=100)
@given(SCORES, SCORES)
def test_the_rate_at_5_percent_counts_what_reaches_that_threshold(inpainted, originals):
    expected = np.mean(inpainted >= calibrated_threshold(originals))
    assert detection_rate_at_5(inpainted, originals) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("count", "allowed"), [(1, 0), (19, 0), (20, 1), (39, 1), (40, 2), (100, 5)])
def test_how_many_of_distinct_originals_may_be_flagged(count, allowed):
    originals = np.random.default_rng(0).permutation(np.linspace(0.1, 0.9, count))
    assert np.count_nonzero(originals >= calibrated_threshold(originals)) == allowed


def test_ties_at_the_threshold_are_not_flagged():
    originals = np.array([0.2] * 90 + [0.7] * 10)
    assert calibrated_threshold(originals) == np.nextafter(0.7, 1)
    assert detection_rate_at_5(np.array([0.7, 0.7, 0.9]), originals) == pytest.approx(1 / 3)


def test_a_detector_that_gives_originals_full_marks_detects_nothing_at_5_percent():
    originals = np.ones(50)
    assert calibrated_threshold(originals) > 1
    assert detection_rate_at_5(np.ones(50), originals) == 0
    assert image_auc(np.ones(50), originals) == 0.5


def test_flagged_from_one_half_on():
    scores = np.array([0.0, np.nextafter(0.5, 0), 0.5, 1.0])
    assert flagged_share(scores) == 0.5


def test_nothing_to_compare_gives_nan():
    none, some = np.array([]), np.array([0.2, 0.4])
    assert math.isnan(flagged_share(none))
    assert math.isnan(calibrated_threshold(none))
    for inpainted, originals in ((none, some), (some, none), (none, none)):
        assert math.isnan(image_auc(inpainted, originals))
        assert math.isnan(detection_rate_at_5(inpainted, originals))
