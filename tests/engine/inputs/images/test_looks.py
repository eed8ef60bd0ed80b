"""What photos look like: copies of one are told from others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from safebench.inputs.images import read_photo
from safebench.inputs.images.looks import ALIKE, BITS, first_alike, look_of


@pytest.fixture(scope="module")
def photos(shared: Path) -> list[NDArray[np.uint8]]:
    return [read_photo(path) for path in sorted((shared / "data" / "bsds500" / "val").glob("*.jpg"))[::8]]


def saved_anew(photo: NDArray[np.uint8], quality: int = 95, scale: float = 1.0) -> NDArray[np.uint8]:
    image = Image.fromarray(photo)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize(("quality", "scale"), [(50, 1.0), (75, 0.9), (50, 0.5), (90, 1.5)])
def test_copies_look_alike(photos, quality, scale):
    differing = [np.count_nonzero(look_of(photo) != look_of(saved_anew(photo, quality, scale))) for photo in photos]
    assert max(differing) <= ALIKE / 2


def test_other_photos_look_otherwise(photos):
    looks = np.stack([look_of(photo) for photo in photos])
    assert looks.shape == (len(photos), BITS)
    apart = [np.count_nonzero(one != other) for k, one in enumerate(looks) for other in looks[:k]]
    assert min(apart) > 1.5 * ALIKE
    assert list(first_alike(looks)) == list(range(len(photos)))


def test_each_copy_is_of_the_first_that_it_is_alike():
    looks = np.random.default_rng(0).random((4, BITS)) < 0.5
    near, far = looks[1].copy(), looks[1].copy()
    near[:ALIKE] ^= True
    far[: ALIKE + 1] ^= True
    assert list(first_alike(np.stack([*looks, near, far, looks[0]]))) == [0, 1, 2, 3, 1, 5, 0]
    assert first_alike(looks[:0]).size == 0
