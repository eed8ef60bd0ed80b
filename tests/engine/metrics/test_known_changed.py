"""The share of known pixels that an inpainter changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from safebench.metrics.catalogue import chosen
from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.known_changed import KNOWN_CHANGED


def share(composite: np.ndarray, original: np.ndarray, hole: np.ndarray) -> float:
    return KNOWN_CHANGED.compute(CompositeEvidence(composite, original, hole))


def test_known_pixels_count_from_three_grey_levels_on():
    original = np.full((4, 5, 3), 100, np.uint8)
    hole = np.zeros((4, 5), bool)
    hole[0] = True
    composite = original.copy()
    composite[0] = 0  # the hole's
    composite[1, 0, 2] = 102  # two levels
    composite[1, 1, 2] = 103
    composite[2, :3] = 97
    assert share(composite, original, hole) == pytest.approx(4 / 15)
    assert share(original, original, hole) == 0
    assert math.isnan(share(original, original, np.ones((4, 5), bool))), "nothing is known"


def test_it_is_measured_only_when_it_is_asked_for():
    assert KNOWN_CHANGED not in chosen(())
    assert KNOWN_CHANGED in chosen(("known_changed",))
