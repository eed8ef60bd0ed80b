"""Parts of photos and holes: of the right size, the same of both, and with something to learn from."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safebench.training.crops import random_crop, windowed


@given(height=st.integers(32, 90), width=st.integers(32, 90), seed=st.integers(0, 2**31))
def test_a_crop_is_a_square_of_the_resolution_whatever_the_photos_size(height, width, seed):
    photo = np.full((height, width, 3), 90, np.uint8)
    assert (random_crop(photo, 48, np.random.default_rng(seed)) == np.full((48, 48, 3), 90)).all()


@given(top=st.integers(0, 48), left=st.integers(0, 48), seed=st.integers(0, 2**31))
def test_a_window_shows_the_same_place_of_photo_and_hole(top, left, seed):
    hole = np.zeros((64, 64), bool)
    hole[top : top + 16, left : left + 16] = True
    photo = np.repeat(hole[..., None], 3, axis=2).astype(np.uint8)
    part, filled = windowed(photo, hole, 32, np.random.default_rng(seed))
    assert part.shape == (32, 32, 3)
    assert filled.shape == (32, 32)
    np.testing.assert_array_equal(part[..., 0], filled)


def test_windows_with_nothing_or_too_much_of_the_hole_are_passed_over():
    hole = np.zeros((64, 64), bool)
    hole[:, :32] = True
    photo = np.zeros((64, 64, 3), np.uint8)
    shares = [windowed(photo, hole, 32, np.random.default_rng(seed))[1].mean() for seed in range(200)]
    assert np.mean([0.05 < share < 0.7 for share in shares]) > 0.95
