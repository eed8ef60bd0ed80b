"""What all kinds of image files have in common: why one is refused, its size, depth, transparency and orientation."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images.quiet import no_messages

T = TypeVar("T", bound=np.generic)
MAX_PIXELS = 2**28
"""A larger image is refused before it is decoded: at 268 megapixels it is an accident, or an attack."""
_FEWER_BITS = (8, 10, 12, 14)
"""What cameras and scanners store in 16 bits without scaling it."""


class UnreadableError(ValueError):
    """Why an image is refused, to follow the file's name."""


def check_size(width: int, height: int) -> None:
    """Raises UnreadableError for an image without pixels or with too many."""
    if width < 1 or height < 1:
        raise UnreadableError("it has no pixels")
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"it has {width}x{height} pixels; up to {MAX_PIXELS / 1e6:.0f} megapixels are read")


def without_alpha(colour: NDArray[Any], alpha: NDArray[Any], opaque: int) -> NDArray[Any]:
    """`colour`, where `alpha` says `opaque` everywhere; raises UnreadableError where it does not."""
    if (alpha != opaque).any():
        raise UnreadableError("it has transparent pixels, and what lies under them is undefined: flatten it first")
    return colour


def to_8_bit(levels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """0..65535 to 0..255, rounded: 257 levels of the one are one of the other.

    Raises UnreadableError where no level is higher than those of 14 bits: they would be read as nearly black.
    """
    brightest = int(levels.max(initial=0))
    bits = next((bits for bits in _FEWER_BITS if brightest < 2**bits), 16)
    if brightest > 0 and bits < 16:
        raise UnreadableError(
            f"its brightest level is {brightest} of 65535: {bits}-bit numbers? multiply them by {2 ** (16 - bits)}, "
            "or save it with 8 bit"
        )
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def deep_pixels(data: bytes) -> NDArray[np.uint16]:
    """The pixels of a 16-bit PNG or TIFF by OpenCV, without opaque alpha: uint16 H x W or H x W x 3 (RGB)."""
    import cv2

    with no_messages():
        pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise UnreadableError("its 16-bit pixels cannot be decoded")
    if pixels.ndim == 2:
        return pixels
    colour = pixels[:, :, 2::-1]
    return without_alpha(colour, pixels[:, :, 3], 65535) if pixels.shape[2] == 4 else colour


def upright(pixels: NDArray[T], orientation: object) -> NDArray[T]:
    """Undo an EXIF orientation (1 to 8; anything else is taken for 1)."""
    turned = pixels.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)
