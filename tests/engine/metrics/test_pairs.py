"""All pairs at once give what one pair at a time gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from safebench.metrics.pairs import all_pairs, photos_of_pairs
from safebench.metrics.uncertainty import paired_difference


@pytest.mark.parametrize(("photos", "masks"), [(7, 3), (40, 1)])
def test_every_pair_equals_the_single_one(photos: int, masks: int) -> None:
    rng = np.random.default_rng(3)
    photo = np.repeat(np.arange(photos), masks)
    values = rng.normal(size=(photo.size, 4)) + np.array([0.0, 0.05, 0.9, 0.0])
    values[:, 3] = np.round(values[:, 0])  # ties
    values[[0, 4], 2] = math.nan, math.inf  # this one lacks two images
    other = rng.normal(size=(photo.size, 2))
    found, beside = all_pairs([(values, photo), (other, photo)])
    assert beside[0, 1][1] == pytest.approx(paired_difference(other[:, 0], other[:, 1], photo), abs=1e-12)
    assert set(found) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    for (a, b), (n, difference, *photos_of) in found.items():
        both = np.isfinite(values[:, a]) & np.isfinite(values[:, b])
        assert n == both.sum()
        assert tuple(photos_of) == photos_of_pairs(values[both, a], values[both, b], photo[both])
        assert difference == pytest.approx(paired_difference(values[both, a], values[both, b], photo[both]), abs=1e-12)


def test_little_to_go_on() -> None:
    n, same, *_ = all_pairs([(np.array([[0.5, 0.5], [0.7, 0.7]]), np.array([0, 1]))])[0][0, 1]
    assert (n, same.difference, same.low, same.high, same.p) == (2, 0, 0, 0, 1)
    n, one, *_ = all_pairs([(np.array([[0.5, 0.25]]), np.array([0]))])[0][0, 1]
    assert (n, one.difference, one.p) == (1, 0.25, 1)
    assert math.isnan(one.low)
    n, none, *_ = all_pairs([(np.array([[0.5, math.nan]]), np.array([0]))])[0][0, 1]
    assert n == 0
    assert math.isnan(none.difference)
    assert all_pairs([(np.empty((0, 2)), np.empty(0, int))])[0][0, 1][0] == 0
