"""Resizing by a factor, and back where it is asked for."""

from __future__ import annotations

import numpy as np
from PIL import Image

from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import Mask, MaskedImage, Pixels


class Adapter(PostProcessing):
    """Both sides times the factor, rounded, at least 1 pixel: bicubic (Pillow's, which averages where it shrinks).

    The mask moves along by the nearest pixel.  With `+back` the picture returns to its first size by the same filter;
    every pixel then lies where it lay, so the mask is the first one.
    """

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        height, width = image.pixels.shape[:2]
        smaller = (max(1, round(width * self.level)), max(1, round(height * self.level)))
        pixels = _resized(image.pixels, smaller)
        if "back" in self.words:
            return image.with_pixels(_resized(pixels, (width, height)))
        return image.with_pixels(pixels, None if image.mask is None else _nearest(image.mask, smaller))


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _nearest(mask: Mask, size: tuple[int, int]) -> Mask:
    levels = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    return np.asarray(levels.resize(size, Image.Resampling.NEAREST)) > 127
