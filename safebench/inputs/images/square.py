"""Bringing photos and masks to the square that the protocol evaluates (docs/protocol.md, section 1)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safebench.errors import ImageError

MIN_SIDE = 32
"""A photo with a shorter side, in pixels, is no evidence of anything, whatever it is enlarged to."""

_Pixel = TypeVar("_Pixel", np.uint8, np.bool_)


def to_square(photo: NDArray[np.uint8], size: int, name: str = "") -> NDArray[np.uint8]:
    """Centre crop to a square, then Pillow's bicubic resize, which averages where it shrinks.

    photo: uint8 H x W x 3.  Returns uint8 `size` x `size` x 3; a photo of just that size comes back unchanged.
    Raises ImageError, naming the photo by `name`, where its shorter side has less than `MIN_SIDE` pixels.
    """
    square = _centre(check_sides(photo, name))
    if square.shape[0] == size:
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC))


def check_sides(photo: NDArray[np.uint8], name: str = "") -> NDArray[np.uint8]:
    """The photo, uint8 H x W x 3; raises ImageError, naming it, where a side has less than `MIN_SIDE` pixels."""
    height, width = photo.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ImageError(
            f"{name or 'the photo'}: it has {width}x{height} pixels; a photo needs at least {MIN_SIDE} on each side"
        )
    return photo


def stretched_mask(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """The whole mask, bool H x W, brought to another size and shape by the nearest pixel, so that its hole stays the
    same share: bool `height` x `width`."""
    rows, columns = (
        (2 * np.arange(n) + 1) * side // (2 * n) for n, side in zip((height, width), mask.shape, strict=True)
    )
    return mask[rows].take(columns, axis=1)


def square_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Centre crop to a square, then the nearest pixel: that in whose area the new pixel's centre lies.

    mask: bool H x W.  Returns bool `size` x `size`.
    """
    square = _centre(mask)
    side = square.shape[0]
    nearest = (2 * np.arange(size) + 1) * side // (2 * size)
    return square[nearest].take(nearest, axis=1)


def _centre(image: NDArray[_Pixel]) -> NDArray[_Pixel]:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])
