"""Photos and masks of the evaluated size; white is hole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from safebench.errors import ImageError
from safebench.inputs.images import MIN_SIDE, check_photo, read_mask, read_photo, square_mask, to_square

from .pictures import (
    GRAY,
    RGB,
    by_opencv,
    saved,
    three,
    with_alpha,
)


@pytest.mark.parametrize("shape", [(1, 1), (MIN_SIDE - 1, 500), (20_000, 20)])
def test_a_photo_too_small_to_be_evidence_is_refused(shape):
    with pytest.raises(ImageError, match=rf"tiny\.png: .*{shape[1]}x{shape[0]}"):
        to_square(np.zeros((*shape, 3), np.uint8), 256, "tiny.png")


def test_a_photo_of_the_size_is_left_as_it_is():
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_square(photo, 64), photo)
    np.testing.assert_array_equal(to_square(np.pad(photo, ((0, 0), (5, 6), (0, 0))), 64), photo)


def test_a_photo_is_cropped_in_the_middle_and_resized_with_averaging():
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, 100:200:2] = 255  # stripes one pixel wide: gray once averaged, black or white if only picked out
    square = to_square(photo, 50)
    assert square.shape == (50, 50, 3)
    assert np.abs(square[5:-5, 5:-5].astype(int) - 128).max() <= 2


def mask_of(data: bytes) -> NDArray[np.bool_]:
    mask = read_mask(Path("mask.png"), data)
    assert mask.dtype == np.bool_
    return mask


def test_masks_of_every_kind_say_white_is_hole():
    hole = GRAY > 127
    levels = hole.astype(np.uint8) * 255
    for data in (
        saved(Image.fromarray(hole), "PNG"),
        saved(levels, "PNG"),
        saved(levels, "TIFF"),
        saved(three(levels), "PNG"),
        saved(with_alpha(three(levels), 255), "PNG"),
        saved(Image.fromarray(levels).convert("P"), "PNG"),
        by_opencv(".png", levels.astype(np.uint16) * 257),
        saved(np.kron(levels, np.ones((8, 8), np.uint8)), "JPEG"),
    ):
        mask = mask_of(data)
        np.testing.assert_array_equal(mask, hole if mask.shape == hole.shape else np.kron(hole, np.ones((8, 8), bool)))


def test_the_threshold_of_a_mask_lies_between_127_and_128():
    levels = np.array([[127, 128, 255, 255, 255, 0, 0, 0]], np.uint8)
    np.testing.assert_array_equal(mask_of(saved(levels, "PNG")), levels > 127)


def test_an_all_black_mask_has_no_hole():
    assert not mask_of(saved(np.zeros((5, 5), np.uint8), "PNG")).any()


def test_what_is_no_mask_is_refused():
    with pytest.raises(ImageError, match=r"mask\.png: .*colours"):
        mask_of(saved(RGB, "PNG"))
    with pytest.raises(ImageError, match=r"mask\.png: .*brightest pixel is 1 of 255"):
        mask_of(saved((GRAY > 127).astype(np.uint8), "PNG"))
    with pytest.raises(ImageError, match="transparent"):
        mask_of(saved(with_alpha(GRAY, 0), "PNG"))


def areas(*levels: int) -> NDArray[np.uint8]:
    """A picture of areas of one level each, the first of them the largest."""
    picture = np.full((96, 120), levels[0], np.uint8)
    for k, level in enumerate(levels[1:]):
        picture[10 + 12 * k : 18 + 12 * k, 20:50] = level
    return picture


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (areas(0, 40, 90, 150), "levels 0, 40, 90, 150"),
        (areas(0, 128, 255), "levels 0, 128, 255"),
        (areas(255, 100), "levels 100, 255"),
        (areas(200), "levels 200"),
        (np.add.outer(np.arange(96), np.arange(120)).astype(np.uint8), "215 levels"),
        (GRAY, "256 levels"),
    ],
    ids=["labels", "trimap", "two levels", "one level", "ramp", "photo"],
)
def test_levels_that_may_mean_anything_are_no_mask_until_a_threshold_is_named(levels, said):
    data = saved(levels, "PNG")
    with pytest.raises(ImageError, match=rf"mask\.png: it has {said}.*--mask-threshold N says from which level"):
        mask_of(data)
    for threshold in (1, 90, 255):
        np.testing.assert_array_equal(read_mask(Path("mask.png"), data, threshold), levels >= threshold)


def test_masks_that_were_resized_compressed_or_smoothed_a_little_are_masks():
    hole = np.zeros((128, 128), np.uint8)
    hole[20:90, 30:70] = hole[60:110, 50:120] = 255
    image = Image.fromarray(hole)
    for side in (40, 96, 200):
        for way in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
            resized = image.resize((side, side), way)
            for data in (saved(resized, "PNG"), saved(resized, "JPEG", quality=90), saved(resized, "JPEG", quality=20)):
                assert mask_of(data).mean() == pytest.approx((hole > 127).mean(), abs=0.02)
    assert mask_of(saved(image.filter(ImageFilter.GaussianBlur(3)), "PNG")).any()


def test_the_masks_of_others_are_masks(shared):
    folder = shared / "data"
    for path in [
        *sorted((folder / "nvidia_irregular").rglob("*.png"))[::20],
        *(folder / "published").rglob("masks/*.png"),
    ]:
        read_mask(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_mask_is_no_photo(kind):
    hole = np.kron(GRAY > 200, np.ones((8, 8), np.uint8)).astype(np.uint8) * 255
    colours = np.where(hole[:, :, None] > 0, [200, 30, 30], [10, 10, 90]).astype(np.uint8)
    pictures = [hole, np.zeros_like(hole), np.full_like(hole, 255), *([colours] if kind == "PNG" else [])]
    for picture in pictures:
        photo = read_photo(Path("a.png"), saved(picture, kind, **({"quality": 95} if kind == "JPEG" else {})))
        with pytest.raises(ImageError, match=r"a\.png: it (is black and white alone|has 2 colours alone)"):
            check_photo(Path("a.png"), photo)


def test_masks_with_soft_edges_and_label_maps_are_no_photos():
    rows, columns = np.mgrid[:400, :600]
    hole = Image.fromarray(np.where(np.hypot(rows - 150, columns - 300) < 120, 255, 0).astype(np.uint8))
    small = hole.resize((150, 100), Image.Resampling.BILINEAR)
    labels = np.zeros((60, 80, 3), np.uint8)
    labels[10:30, 10:30], labels[30:50, 40:60] = (128, 0, 0), (0, 128, 0)
    for data in (saved(small, "PNG"), saved(small, "JPEG", quality=30), saved(labels, "PNG")):
        with pytest.raises(ImageError, match=r"a\.png: it .* alone.* no photo"):
            check_photo(Path("a.png"), read_photo(Path("a.png"), data))


def test_gray_photos_that_are_mostly_black_or_white_are_photos():
    rows, columns = np.mgrid[:192, :256]
    moon = np.where(np.hypot(rows - 80, columns - 120) < 25, 150 + (rows * 7 + columns * 5) % 90, 0).astype(np.uint8)
    for photo in (moon, np.where(moon > 0, moon, 255).astype(np.uint8)):
        for data in (saved(photo, "PNG"), saved(photo, "JPEG", quality=90)):
            check_photo(Path("a.png"), read_photo(Path("a.png"), data))


def test_a_photo_of_few_colours_or_one_is_a_photo():
    dark = np.where(RGB > 250, RGB, RGB // 64)
    for photo in (RGB, three(GRAY), dark, np.full((40, 40, 3), 100, np.uint8)):
        assert check_photo(Path("a.png"), photo) is photo


@given(st.integers(1, 600), st.integers(1, 600), st.sampled_from([64, 128, 256]), st.integers(0, 9))
def test_a_mask_takes_the_nearest_pixel_as_pillow_does(height, width, size, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = Image.fromarray(mask[top : top + side, left : left + side].astype(np.uint8))
    expected = np.asarray(crop.resize((size, size), Image.Resampling.NEAREST)) > 0
    np.testing.assert_array_equal(square_mask(mask, size), expected)
