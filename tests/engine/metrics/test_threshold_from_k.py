from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.threshold_from_k import FewOriginals, detection_rate_from_k
from safebench.metrics.uncertainty import Controls


def test_is_the_mean_over_all_choices():
    generator = np.random.default_rng(0)
    inpainted, originals = generator.integers(0, 9, 20) / 9, generator.integers(0, 8, 9) / 9
    rates = [(inpainted > max(choice)).mean() for choice in combinations(originals, 4)]
    assert detection_rate_from_k(inpainted, originals, k=4) == pytest.approx(np.mean(rates), abs=1e-12)


def test_draws_come_near_it():
    generator = np.random.default_rng(1)
    inpainted, originals = generator.beta(3, 2, 60), generator.beta(2, 3, 30)
    drawn = [(inpainted > generator.choice(originals, 10, replace=False).max()).mean() for _ in range(4000)]
    assert detection_rate_from_k(inpainted, originals) == pytest.approx(np.mean(drawn), abs=0.01)


def test_fewer_originals_give_no_rate():
    assert math.isnan(detection_rate_from_k(np.ones(3), np.zeros(9)))
    assert math.isnan(detection_rate_from_k(np.array([]), np.zeros(12)))
    assert detection_rate_from_k(np.ones(3), np.zeros(10)) == 1


def test_a_resample_is_the_rate_of_what_was_drawn():
    generator = np.random.default_rng(2)
    photos, controls = np.repeat(np.arange(14), 2), np.arange(14)
    scores, originals = generator.random(28), generator.random(14)
    drawn = generator.integers(14, size=14)
    weights = np.bincount(drawn, minlength=14)[:, None].astype(float)
    cell = CellEvidence(scores, photos, Controls(originals, controls))
    again = FewOriginals(cell).resampled(weights)
    expected = detection_rate_from_k(np.concatenate([scores[photos == p] for p in drawn]), originals[drawn])
    assert again == pytest.approx(np.array([[expected]]), abs=1e-12)
