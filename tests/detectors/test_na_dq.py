"""NA-DQ: the grid of an earlier compression, and what was filled since, in JPEG and PNG files made here."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from safebench_detectors._block_dct import at_every_position, luminance
from safebench_detectors.na_dq.adapter import FREQUENCIES, without_clipped
from safebench_detectors.na_dq.grid import STEPS, first_grid, periodicity
from sklearn.metrics import roc_auc_score

from safebench.inputs.images import read_photo
from safebench.models import calling
from safebench.testing import inputs

SIZE = (200, 244)
DOWN, RIGHT = 3, 5
"""What is cut off above and to the left of the photo that was compressed before."""


def compressed(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).copy()


def look(image, path, **options):
    Image.fromarray(image).save(path, **options)
    detection = calling.detect(calling.load_detector("na-dq", device="cpu"), read_photo(path)[None], [path])
    return detection.maps[0], detection.scores[0]


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, SIZE)[0]


@pytest.fixture(scope="module")
def cropped(photo):
    """The photo, compressed at 60, without its first rows and columns."""
    return compressed(photo, 60)[DOWN:, RIGHT:]


@pytest.fixture(scope="module")
def hole(cropped):
    hole = np.zeros(cropped.shape[:2], bool)
    hole[48:124, 60:168] = True
    return hole


@pytest.fixture(scope="module")
def forged(photo, cropped, hole):
    return np.where(hole[..., None], photo[DOWN:, RIGHT:], cropped)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.jpg", {"quality": 90}),
        ("x.jpg", {"quality": 95, "subsampling": 0, "progressive": True}),
        ("x.png", {}),
    ],
)
def test_a_filling_is_found_in_a_photo_that_was_compressed_on_another_grid(tmp_path, forged, hole, name, options):
    map_, score = look(forged, tmp_path / name, **options)
    assert roc_auc_score(hole.ravel(), map_.ravel()) > 0.98
    assert map_[hole].mean() > 0.8
    assert map_[~hole].mean() < 0.1
    assert score > 0.9


def test_without_a_filling_nothing_is_flagged(tmp_path, cropped):
    for name in ("x.jpg", "x.png"):
        map_, score = look(cropped, tmp_path / name, quality=90)
        assert map_.mean() < 0.05
        assert score < 0.5


def test_what_was_compressed_once_or_on_its_own_grid_or_never_says_nothing(tmp_path, photo, hole):
    again = compressed(photo, 60)
    again[:197, :239][hole] = photo[:197, :239][hole]
    for image, name in ((photo, "once.jpg"), (again, "aligned.jpg"), (photo, "never.png")):
        map_, score = look(image, tmp_path / name, quality=90)
        assert not map_.any()
        assert score == 0


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_colours_that_were_coded_without_a_luminance_lie_on_the_files_own_grid(tmp_path, photo, forged, hole, mode):
    def save(image, name, quality, **options):
        Image.fromarray(image).convert(mode).save(tmp_path / name, quality=quality, keep_rgb=True, **options)
        detector = calling.load_detector("na-dq", device="cpu")
        return calling.detect(detector, read_photo(tmp_path / name)[None], [tmp_path / name]).maps[0]

    assert not save(photo, "once.jpg", 75).any()
    straight = save(forged, "x.jpg", 90)
    assert roc_auc_score(hole.ravel(), straight.ravel()) > 0.95
    exif = Image.Exif()
    exif[0x0112] = 3
    np.testing.assert_array_equal(save(forged, "turned.jpg", 90, exif=exif), straight[::-1, ::-1])


def test_the_map_is_turned_as_the_picture_is(tmp_path, forged):
    exif = Image.Exif()
    exif[0x0112] = 6
    straight, _ = look(forged, tmp_path / "x.jpg", quality=90)
    turned, _ = look(forged, tmp_path / "turned.jpg", quality=90, exif=exif)
    np.testing.assert_array_equal(turned, np.rot90(straight, -1))


def test_pixels_say_what_a_png_of_them_says(tmp_path, forged):
    of_file, _ = look(forged, tmp_path / "x.png")
    Image.fromarray(forged).save(tmp_path / "x.webp", lossless=True)
    detector = calling.load_detector("na-dq", device="cpu")
    np.testing.assert_array_equal(calling.detect(detector, forged[None], [tmp_path / "x.webp"]).maps[0], of_file)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 5), (0, 6), (7, 1)])
def test_the_grid_and_the_steps_are_those_of_the_compression(photo, down, right):
    image = compressed(photo, 50)[down:, right:]
    strengths = periodicity(dict(at_every_position(luminance(image) - 128, FREQUENCIES)))
    grid = (-down % 8, -right % 8)
    assert first_grid(strengths, own=False) == grid
    found = STEPS[strengths[grid][:3].argmax(axis=1)]  # T.81's table K.1 as it is, at a quality of 50
    assert list(found) == [11, 12, 14]


def test_blocks_with_clipped_pixels_are_those_of_a_loop():
    clipped = np.random.default_rng(0).random((30, 33)) > 0.99
    expected = [[not clipped[y : y + 8, x : x + 8].any() for x in range(26)] for y in range(23)]
    np.testing.assert_array_equal(without_clipped(clipped), expected)


def test_a_photo_that_is_all_clipped_says_nothing(tmp_path):
    map_, _ = look(np.full((64, 72, 3), 255, np.uint8), tmp_path / "x.jpg")
    assert not map_.any()
