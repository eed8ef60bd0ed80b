"""The detector of exact copies: what it finds, what it must not find, and the figure it is held to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safebench_detectors.exemplar.matching import find_fragments, information

from safebench.inputs.images import read_mask, read_photo, square_mask, to_square
from safebench.metrics.auc import pixel_auc
from safebench.models import calling
from safebench.protocol import SIZE


def texture(height=96, width=128, seed=0):
    """Grainy and smooth at once, like a photo's; nothing recurs by chance."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 120 + 60 * np.sin(x / 17) * np.cos(y / 13)
    return np.clip(base[..., None] + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


def pieced_together(image, hole, seed=0):
    """The hole filled from 8x8 pieces of the rest, side by side, each from another place."""
    rng = np.random.default_rng(seed)
    result = image.copy()
    for top in range(hole[0].start, hole[0].stop, 8):
        for left in range(hole[1].start, hole[1].stop, 8):
            y, x = rng.integers(0, image.shape[0] - 8), rng.integers(hole[1].stop, image.shape[1] - 8)
            result[top : top + 8, left : left + 8] = image[y : y + 8, x : x + 8]
    return result


def detect(image):
    detector = calling.load_detector("exemplar", device="cpu")
    found = calling.detect(detector, image[None])
    return found.maps[0], found.scores[0]


def test_tells_the_copies_from_what_they_were_copied_from():
    hole = slice(24, 72), slice(8, 48)
    found, score = detect(pieced_together(texture(), hole))
    mask = np.zeros(found.shape, dtype=bool)
    mask[hole] = True
    assert (found[mask] >= 0.5).mean() > 0.95
    assert (found[~mask] >= 0.5).mean() < 0.02
    assert pixel_auc(found, mask) > 0.98
    assert score >= 0.5


@pytest.mark.parametrize("name", ["texture", "flat", "ramp", "saturated", "checks", "noise"])
def test_an_image_without_copies_is_left_alone(name):
    y, x = np.mgrid[:96, :128]
    levels = {
        "texture": texture(),
        "flat": np.full((96, 128, 3), 90),
        "ramp": np.stack([x, y, x + y], axis=-1),
        "saturated": np.maximum(texture(), 200 + 55 * (x < 64)[..., None]),
        "checks": np.repeat(((x // 8 + y // 8) % 2 * 255)[..., None], 3, axis=2),
        "noise": np.random.default_rng(0).integers(0, 4, (96, 128, 3)),
    }
    found, score = detect(levels[name].astype(np.uint8))
    assert score < 0.5
    assert (found >= 0.5).mean() < 0.002


def test_what_goes_on_along_its_course_is_no_copy():
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    image[:, 40:54] = image[:, 40:41]  # rows that stay alike for 14 pixels, seldom enough to be no pattern
    assert find_fragments(image).label.size == 0
    assert find_fragments(image.transpose(1, 0, 2).copy()).label.size == 0


def test_a_fill_in_a_saturated_area_is_no_evidence():
    image = np.full((96, 128, 3), 255, np.uint8)
    image[48:] = texture()[48:]
    found, _ = detect(pieced_together(image, (slice(8, 32), slice(8, 32))))
    assert found[:30, :30].max() < 0.5 or (find_fragments(image).label.size == 0)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(16, 40), st.integers(16, 40), st.integers(1, 255))
def test_fragments_are_equal_connected_places_at_one_offset(seed, height, width, levels):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels + 1, (height, width, 3), dtype=np.uint8)
    image[-6:, -7:] = image[1:7, 2:9]
    fragments = find_fragments(image)
    colours = image.reshape(-1, 3)
    np.testing.assert_array_equal(colours[fragments.here], colours[fragments.there])
    y, x = np.divmod(fragments.here, width)
    dy, dx = np.stack(np.divmod(fragments.there, width)) - (y, x)
    for label in range(fragments.label.max(initial=-1) + 1):
        of = fragments.label == label
        assert len({*zip(dy[of], dx[of], strict=True)}) == 1
        assert max(abs(dy[of][0]), abs(dx[of][0])) >= 6
        assert len(set(fragments.here[of])) == of.sum()
    if levels > 30:
        assert {(r, c) for r in range(1, 7) for c in range(2, 9)} <= {*zip(y.tolist(), x.tolist(), strict=True)}


def test_information_is_high_in_texture_and_nothing_where_it_is_flat():
    image = texture()
    image[:, :40] = 255
    bits = information(image)
    assert bits[:, 2:38].max() < 0.1
    assert bits[:, 44:].mean() > 6


@pytest.mark.slow
def test_finds_criminisi_and_nothing_in_photos(shared):
    photos = sorted((shared / "data/bsds500/test").glob("*.jpg"))[:8]
    masks = sorted((shared / "data/nvidia_irregular/testing_mask_dataset").glob("0[67]*.png"))[:8]  # 30-40%
    inpainter, detector = calling.load_inpainter("criminisi"), calling.load_detector("exemplar")
    aucs, untouched, flagged = [], [], []
    for photo, mask in zip(photos, masks, strict=True):
        image, hole = to_square(read_photo(photo), SIZE)[None], square_mask(read_mask(mask), SIZE)[None]
        composite = calling.composite(image, hole, calling.inpaint(inpainter, image, hole))
        found, original = calling.detect(detector, composite), calling.detect(detector, image)
        aucs.append(pixel_auc(found.maps[0], hole[0]))
        untouched.append(pixel_auc(original.maps[0], hole[0]))
        flagged.append((found.scores[0] >= 0.5, original.scores[0] >= 0.5))
    assert np.mean(aucs) >= 0.75
    assert 0.45 <= np.mean(untouched) <= 0.55
    assert np.mean(flagged, axis=0).tolist() == [1, 0]
