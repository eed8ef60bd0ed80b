"""Photos with a past: what the calibrations of detectors without a network look at."""

from __future__ import annotations

import numpy as np
import pytest
from safebench_detectors import _histories
from safebench_detectors._histories import history, views

from safebench.inputs.images import save_png, to_square
from safebench.testing import inputs


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, (200, 300))[0]


def test_histories_are_square_and_differ_with_their_draws_alone(photo):
    drawn = [history(photo, np.random.default_rng(seed)) for seed in range(20)]
    assert {(image.shape, image.dtype) for image in drawn} == {((256, 256, 3), np.dtype(np.uint8))}
    assert len({image.tobytes() for image in drawn}) == 20
    np.testing.assert_array_equal(history(photo, np.random.default_rng(3)), drawn[3])


@pytest.mark.parametrize("step", ["_denoised", "_sharpened", "compressed"])
def test_each_step_changes_the_photo_little(photo, step):
    rest = 70 if step == "compressed" else np.random.default_rng(0)
    changed = getattr(_histories, step)(np.ascontiguousarray(photo), rest)
    assert changed.shape == photo.shape
    assert (changed != photo).mean() > 0.1
    assert np.abs(changed.mean(axis=(0, 1)) - photo.mean(axis=(0, 1))).max() < 6


def test_each_photo_is_seen_as_it_is_and_twice_with_a_history(photo, tmp_path):
    for number in range(2):
        save_png(tmp_path / f"{number}.png", photo)
    seen = list(views([str(tmp_path)]))
    assert len(seen) == 6
    np.testing.assert_array_equal(seen[0], to_square(photo, 256))
    assert len({view.tobytes() for view in seen}) == 5
    assert len(list(views([str(tmp_path)], histories=False))) == 2
