"""The parts of `splicebuster`, and its figures on real photos."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
import safebench_detectors._splicebuster as shared_parts
from safebench_detectors._splicebuster import cooccurrences, quantise, segment, unclipped
from safebench_detectors.splicebuster.residual import luminance, third_differences
from sklearn.metrics import roc_auc_score

from safebench.inputs.images import to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.models import calling
from safebench.protocol import Bin


def pattern(quadruple):
    """A quadruple of 0, 1, 2 with its mirror image and its negative as one."""
    forwards = tuple(int(v) for v in quadruple)
    negative = tuple(2 - v for v in forwards)
    return min(forwards, forwards[::-1], negative, negative[::-1])


@pytest.fixture
def levels():
    return np.random.default_rng(0).integers(0, 3, (40, 48), dtype=np.uint8)


@pytest.mark.parametrize("axis", [0, 1])
def test_third_differences_vanish_on_parabolas(axis):
    y, x = np.mgrid[:20, :30].astype(float)
    along = (y, x)[axis]
    found = third_differences(2 * along**2 - 5 * along + y + 3 * x + 1, axis)
    assert found.shape == (20, 30)
    np.testing.assert_allclose(found[2:-3, 2:-3], 0, atol=1e-9)


def test_third_differences_are_the_papers_filter():
    values = np.random.default_rng(0).normal(size=(6, 12))
    x = values[2]
    assert third_differences(values, 1)[2, 5] == pytest.approx(x[4] - 3 * x[5] + 3 * x[6] - x[7])


def test_quantised_residuals_are_cut_off():
    assert quantise(np.array([[-9.0, -1.1, -0.9, 0.0, 0.9, 1.1, 9.0]]), 2.0).tolist() == [[0, 0, 1, 1, 1, 2, 2]]


@pytest.mark.parametrize("axis", [0, 1])
def test_patterns_are_those_of_a_loop(levels, axis):
    codes = cooccurrences(levels, axis)
    seen: dict[tuple[int, ...], int] = {}
    for y in range(2, 37):
        for x in range(2, 45):
            along = levels[y - 1 : y + 3, x] if axis == 0 else levels[y, x - 1 : x + 3]
            assert seen.setdefault(pattern(along), codes[y, x]) == codes[y, x]
    assert len(set(seen.values())) == len(seen) == 25


def test_histograms_are_those_of_a_loop(levels):
    first, second = cooccurrences(levels, 0), cooccurrences(levels, 1)
    usable = np.random.default_rng(1).random(levels.shape) > 0.3
    found = shared_parts._histograms([[first, second], [first]], usable, stride=4)
    assert found.shape == (7, 9, 50)
    counts: Counter[int] = Counter()
    for codes in (first, second):
        counts.update(codes[8:24, 12:28][usable[8:24, 12:28]].tolist())
    expected = [counts[k] / counts.total() for k in range(25)]
    np.testing.assert_allclose(found[2, 3, :25] ** 2, expected, atol=1e-12)


def test_two_planted_gaussians_are_found_again():
    rng = np.random.default_rng(0)
    loud, quiet = rng.normal([0, 0], 0.1, (600, 2)), rng.normal([0.5, 0.3], 0.1, (400, 2))
    ratio, separation = shared_parts._two_models(np.vstack([loud, quiet]), np.repeat([3.0, 1.0], [600, 400]), seed=0)
    assert (ratio[:600] < 0.5).mean() > 0.99
    assert (ratio[600:] > 0.5).mean() > 0.99
    assert separation == pytest.approx(0.6 * 0.4 * (0.5**2 + 0.3**2) / 0.1**2, rel=0.1)


def test_the_class_of_less_energy_is_the_forged_one_even_if_it_is_the_larger():
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal(0, 0.1, (700, 2)), rng.normal(1, 0.1, (300, 2))])
    ratio, _ = shared_parts._two_models(points, np.repeat([1.0, 3.0], [700, 300]), seed=0)
    assert (ratio[:700] > 0.5).all()


def test_colours_explain_a_class_that_follows_them():
    rng = np.random.default_rng(0)
    colours = rng.random((500, 3))
    assert shared_parts._explained(colours[:, 0] > 0.5, colours) > 0.6
    assert shared_parts._explained(rng.random(500) > 0.5, colours) < 0.1
    assert shared_parts._explained(np.zeros(500, bool), colours) == 1


def test_a_windows_value_stands_at_its_centre():
    grid = np.random.default_rng(0).random((5, 7))
    found = shared_parts._to_pixels(grid, 4, (32, 40))
    centre = (found[8 + 4 * 2 - 1, 8 + 4 * 3] + found[8 + 4 * 2, 8 + 4 * 3 - 1]) / 2
    assert centre == pytest.approx(grid[2, 3], abs=0.15)
    assert found.shape == (32, 40)
    assert found[0, 0] == grid[0, 0]
    assert found[-1, -1] == grid[-1, -1]


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_flat_image_says_nothing(level):
    found = calling.detect(calling.load_detector("splicebuster"), np.full((1, 64, 96, 3), level, np.uint8))
    assert not found.maps.any()
    assert found.scores == 0


def test_an_image_with_nothing_usable_says_nothing(levels):
    codes = cooccurrences(levels, 0)
    image = np.zeros((*levels.shape, 3), np.uint8)
    assert segment([[codes]], np.ones(levels.shape), image, np.zeros(levels.shape, bool), 0) is None


def test_clipped_areas_do_not_count():
    image = np.full((40, 40, 3), 100, np.uint8)
    image[10:20, 10:20, 2] = 255
    image[30, 30] = 0
    usable = unclipped(image)
    assert not usable[7:23, 7:23].any()
    assert usable[25:].all()


def test_a_smoothed_disc_in_noise_is_found():
    rng = np.random.default_rng(0)
    photo = np.clip(rng.normal(120, 8, (192, 192, 3)), 0, 255).astype(np.uint8)
    y, x = np.mgrid[:192, :192]
    disc = (x - 90) ** 2 + (y - 100) ** 2 < 50**2
    image = np.where(disc[..., None], cv2.GaussianBlur(photo, (5, 5), 1.5), photo)
    found = calling.detect(calling.load_detector("splicebuster"), image[None])
    assert roc_auc_score(disc.ravel(), found.maps[0].ravel()) > 0.95
    assert found.scores[0] >= 0.5


def test_luminance_is_that_of_opencv():
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    np.testing.assert_allclose(luminance(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), atol=0.51)


@pytest.mark.slow
def test_it_finds_filled_holes_in_real_photos(shared):
    photos = np.stack(
        [to_square(p.load(), 256) for p in open_photos(str(shared / "data/bsds500/test")).photos()[:36:3]]
    )
    masks = open_masks(str(shared / "data/nvidia_irregular/testing_mask_dataset"), 0)
    holes = np.stack([masks.load(name, 256) for name in masks.index(256)[Bin(4)][:12]])
    filler = calling.load_inpainter("telea", device="cpu")
    images = calling.composite(photos, holes, calling.inpaint(filler, photos, holes))
    found = calling.detect(calling.load_detector("splicebuster"), images)
    aucs = [roc_auc_score(hole.ravel(), map_.ravel()) for hole, map_ in zip(holes, found.maps, strict=True)]
    assert np.mean(aucs) > 0.75
