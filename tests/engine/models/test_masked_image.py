"""An image with its mask and the file that holds it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from safebench.models.masked_image import MaskedImage

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
MASK = RNG.random((6, 8)) > 0.5


def test_pixels_are_in_a_file_without_loss_that_says_whose_it_is():
    image = MaskedImage(PIXELS, MASK).with_pixels(PIXELS[::-1])
    stored = Image.open(io.BytesIO(image.file))
    assert stored.format == "PNG"
    assert "SafeBench" in stored.info
    np.testing.assert_array_equal(np.asarray(stored), PIXELS[::-1])
    assert image.mask is MASK
    np.testing.assert_array_equal(image.with_pixels(PIXELS[:3], MASK[:3]).mask, MASK[:3])


def test_a_lossy_file_gives_the_pixels_that_a_reader_decodes():
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "JPEG", quality=10)
    image = MaskedImage(PIXELS, MASK).with_file(buffer.getvalue(), ".jpg")
    assert image.file == buffer.getvalue()
    assert image.suffix == ".jpg"
    np.testing.assert_array_equal(image.pixels, np.asarray(Image.open(buffer)))
    assert (image.pixels != PIXELS).any()


def test_random_numbers_depend_on_the_seed_and_the_pixels_alone():
    first, again = MaskedImage(PIXELS, MASK), MaskedImage(PIXELS.copy(), None)
    other = MaskedImage(PIXELS[::-1].copy(), MASK)
    draws = [image.generator(seed).random() for image, seed in ((first, 0), (again, 0), (first, 1), (other, 0))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3
