"""What the inpainters without weights do to a picture, beyond the contract."""

from __future__ import annotations

import subprocess

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from safebench.errors import ModelError
from safebench.models import calling
from safebench.models.contracts import Inpainter

CLASSICAL = ("telea", "navier-stokes", "biharmonic", "shiftmap", "fsr", "criminisi")
# OpenCV's Telea drifts upwards by rounding (its card says so)
DRIFT = {"telea": 14}

Photo = NDArray[np.uint8]
Hole = NDArray[np.bool_]


@pytest.fixture(scope="module", params=CLASSICAL)
def inpainter(request: pytest.FixtureRequest) -> Inpainter:
    return calling.load_inpainter(request.param, device="cpu")


def filled(inpainter: Inpainter, photo: Photo, hole: Hole) -> Photo:
    batch = photo[None], hole[None]
    return calling.composite(*batch, calling.inpaint(inpainter, *batch))[0]


def block(height: int, width: int) -> Hole:
    hole = np.zeros((height, width), dtype=bool)
    hole[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
    return hole


def corner(height: int, width: int) -> Hole:
    hole = np.zeros((height, width), dtype=bool)
    hole[: height // 2, : width // 2] = True
    return hole


def nearly_all(height: int, width: int) -> Hole:
    hole = np.ones((height, width), dtype=bool)
    hole[-2:, -2:] = False
    return hole


@pytest.mark.parametrize("hole", [block, corner, nearly_all])
@pytest.mark.parametrize("size", [(16, 16), (17, 23), (40, 16)])
def test_a_flat_image_is_filled_flat(inpainter, hole, size):
    photo = np.full((*size, 3), (40, 120, 200), np.uint8)
    off = np.abs(filled(inpainter, photo, hole(*size)).astype(int) - photo)
    assert off.max() <= DRIFT.get(inpainter.card.name, 1)


def test_a_grey_image_stays_grey(inpainter):
    level = np.random.default_rng(0).integers(60, 200, (32, 32), dtype=np.uint8)
    photo = np.repeat(level[..., None], 3, axis=2)
    result = filled(inpainter, photo, block(32, 32)).astype(int)
    assert np.ptp(result, axis=2).max() <= 1


def test_nothing_to_fill_and_nothing_to_fill_from(inpainter):
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(filled(inpainter, photo, np.zeros((20, 30), dtype=bool)), photo)
    assert filled(inpainter, photo, np.ones((20, 30), dtype=bool)).shape == photo.shape


def test_the_fill_is_near_the_photo_where_it_is_smooth(inpainter):
    y, x = np.mgrid[:48, :48]
    photo = np.stack([80 + x, 60 + 2 * y, 200 - x - y], axis=-1).astype(np.uint8)
    hole = np.zeros((48, 48), dtype=bool)
    hole[20:26, 10:38] = True
    assert np.abs(filled(inpainter, photo, hole).astype(int) - photo)[hole].mean() < 25  # noise: 80


def test_copy_gives_back_the_photo_and_noise_does_not():
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    hole = block(40, 50)
    np.testing.assert_array_equal(filled(calling.load_inpainter("copy"), photo, hole), photo)
    noise = filled(calling.load_inpainter("noise"), photo, hole)
    assert (noise != photo)[hole].mean() > 0.9
    np.testing.assert_array_equal(noise[~hole], photo[~hole])


def test_noise_depends_on_the_seed_alone():
    photo, hole = np.zeros((64, 64, 3), np.uint8), np.ones((64, 64), dtype=bool)
    first = filled(calling.load_inpainter("noise", seed=1), photo, hole)
    np.testing.assert_array_equal(first, filled(calling.load_inpainter("noise", seed=1), 255 - photo, hole))
    assert (first != filled(calling.load_inpainter("noise", seed=2), photo, hole)).mean() > 0.9
    assert abs(first.mean() - 127.5) < 3


def test_shiftmap_leaves_opencv_to_a_process_of_its_own(monkeypatch):
    # in this one its answer would depend on what lies about in memory
    monkeypatch.setattr(cv2.xphoto, "inpaint", lambda *_: pytest.fail("OpenCV's shift-map ran in this process"))
    photo, hole = np.random.default_rng(0).integers(0, 256, (48, 72, 3), dtype=np.uint8), block(48, 72)
    first, second = (filled(calling.load_inpainter("shiftmap"), photo, hole) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (first[hole] != photo[hole]).any()


def test_shiftmap_says_where_opencv_breaks_off(monkeypatch):
    done = subprocess.CompletedProcess([], -11, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    photo = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    with pytest.raises(ModelError, match="OpenCV gave up on this picture"):
        filled(calling.load_inpainter("shiftmap"), photo, block(40, 40))


def test_shiftmap_copies_known_pixels_at_any_size():
    # beyond 320 pixels the offsets are found at half the size
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    photo = np.tile(tile, (2, 14, 1))
    hole = np.zeros(photo.shape[:2], dtype=bool)
    hole[10:30, 150:190] = True
    result = filled(calling.load_inpainter("shiftmap"), photo, hole)
    known = {tuple(pixel) for pixel in photo[~hole].tolist()}
    assert all(tuple(pixel) in known for pixel in result[hole].tolist())
