"""Exemplar-based inpainting against what its paper promises."""

from __future__ import annotations

import hashlib
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from safebench_inpainters.criminisi import source
from safebench_inpainters.criminisi.filling import InpaintWorker, fill
from safebench_inpainters.criminisi.source import Source

SIZE = 48
Y, X = np.mgrid[:SIZE, :SIZE]
HOLE = (np.abs(Y - 24) < 9) & (np.abs(X - 22) < 8)


def two_tones(first: np.ndarray) -> np.ndarray:
    return np.where(first[..., None], (200, 40, 60), (30, 90, 180)).astype(np.uint8)


def all_different() -> np.ndarray:
    return np.stack([Y * 5, X * 5, (Y * 7 + X * 3) % 256], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    "pattern",
    [Y < 24, X < 22, Y // 4 % 2 == 0, X // 3 % 2 == 0, (Y + X) // 6 % 2 == 0],
    ids=["edge across", "edge down", "stripes across", "stripes down", "diagonal stripes"],
)
def test_straight_edges_and_stripes_go_on_through_the_hole(pattern):
    image = two_tones(pattern)
    np.testing.assert_array_equal(fill(np.where(HOLE[..., None], 0, image), HOLE), image)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_every_filled_pixel_is_a_known_one(seed, ratio):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (19, 26, 3), dtype=np.uint8)
    hole = rng.random((19, 26)) < ratio
    hole[0, 0] = False
    result = fill(np.where(hole[..., None], 0, image), hole)
    np.testing.assert_array_equal(result[~hole], image[~hole])
    known = {tuple(pixel) for pixel in image[~hole].tolist()}
    assert all(tuple(pixel) in known for pixel in result[hole].tolist())


def test_each_step_copies_from_one_wholly_known_patch():
    image = all_different()
    place = {tuple(pixel): (y, x) for y, row in enumerate(image.tolist()) for x, pixel in enumerate(row)}
    filling = InpaintWorker(np.where(HOLE[..., None], 0, image), HOLE)
    steps = 0
    while True:
        before = filling.image.copy()
        if not filling.fill_next_patch():
            break
        steps += 1
        y, x = np.nonzero((filling.image != before).any(axis=-1))
        assert max(np.ptp(y), np.ptp(x)) < 9
        source = np.array([place[tuple(pixel)] for pixel in filling.image[y, x].tolist()])
        offsets = source - np.stack([y, x], axis=1)
        assert (offsets == offsets[0]).all()
        assert not HOLE[tuple(source.T)].any()
    assert steps > 4
    np.testing.assert_array_equal((filling.image == 0).all(axis=-1) & HOLE, False)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 255), st.sampled_from([0, source._FEW]), st.sampled_from([2, 200]))
def test_best_match_is_that_of_brute_force(seed, levels, few, many):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels + 1, (24, 21, 3), dtype=np.uint8)
    known = rng.random((24, 21)) < 0.995
    place = Source(image, known)
    patch = rng.integers(0, 256, (place.size, place.size, 3), dtype=np.uint8)
    part = rng.random((place.size, place.size)) < 0.6
    patches = sliding_window_view(place.lab, (place.size, place.size), axis=(0, 1)).astype(int)
    squares = np.square(np.moveaxis(patches, 2, -1) - patch).sum(axis=-1)
    distance = np.where(part, squares, 0).sum(axis=(-1, -2)).astype(float)
    distance[~sliding_window_view(known, (place.size, place.size)).all(axis=(-1, -2))] = np.inf
    expected = np.unravel_index(np.argmin(distance), distance.shape)
    with mock.patch.multiple(source, _FEW=few, _MANY=many, _NEAREST=2):
        assert place.best_match(patch, part) == expected


@pytest.mark.parametrize(
    ("grain", "sha256"), [(0, "20f8abdea641249a"), (1, "6e00baba62c3fab1"), (3, "25a73549a8954e0a")]
)
def test_the_filling_is_that_of_the_first_release(grain, sha256):
    """The digests are of what an exhaustive search in all three channels gave."""
    y, x = np.mgrid[:64, :72]
    waves = np.stack([(y * (3 + c) + x * (5 - c)) % 97 for c in range(3)], axis=-1)
    noise = np.random.default_rng(grain).integers(0, 1 + 24 * grain, (64, 72, 3))
    hole = np.zeros((64, 72), dtype=bool)
    hole[20:44, 24:40] = hole[10:30, 50:56] = True
    image = np.where(hole[..., None], 0, 60 + waves + noise).astype(np.uint8)
    assert hashlib.sha256(fill(image, hole).tobytes()).hexdigest().startswith(sha256)


def test_patches_shrink_where_none_of_the_full_size_is_known():
    known = np.zeros((20, 20), dtype=bool)
    known[3:9, 4:9] = True
    assert Source(np.zeros((20, 20, 3), np.uint8), known).size == 5


def test_the_strongest_edge_enters_the_hole_first():
    image = np.full((SIZE, SIZE, 3), 128, np.uint8)
    image[Y >= 30] = 255  # an edge at the hole's lower part; above, all is flat
    filling = InpaintWorker(np.where(HOLE[..., None], 0, image), HOLE)
    before = filling.image.copy()
    filling.fill_next_patch()
    rows, columns = np.nonzero((filling.image != before).any(axis=-1))
    assert rows.min() >= 24
    assert columns.min() == np.nonzero(HOLE)[1].min() or columns.max() == np.nonzero(HOLE)[1].max()
