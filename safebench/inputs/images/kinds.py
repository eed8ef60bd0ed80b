"""Telling photos from masks, and masks from pictures of other levels, by their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ImageError

GRAY_SPREAD = 16
"""Up to so many levels between its channels, a pixel still counts as gray (JPEG's colour rounding)."""

_BLACK, _WHITE = 2, 253
_MOST_BETWEEN = 0.08
"""Of masks that were resized or compressed, few pixels are neither black nor white; of photos nearly all."""
_SAMPLE = 64

_DARK, _BRIGHT = 32, 224
_MOST_SOFT = 0.25
"""Blurred by a Gaussian of 4 pixels, NVIDIA's masks have up to so many pixels that are neither dark nor bright."""
_MOST_EVEN = 0.0005
"""Edges that were smoothed or compressed have next to no area of one gray; label maps and trimaps consist of such."""


def check_photo(path: Path, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo, uint8 H x W x 3; raises ImageError where it is black and white, or of two colours, alone."""
    step = max(1, min(photo.shape[:2]) // _SAMPLE)
    if _is_two_valued(photo[::step, ::step]) and _is_two_valued(photo):  # nearly all are told by a few of their pixels
        raise ImageError(f"{path}: it is black and white alone, or of two colours: a mask, and no photo")
    return photo


def check_mask_levels(path: Path, levels: NDArray[np.uint8]) -> None:
    """Raises ImageError for a mask, uint8 H x W, whose levels say more than hole or no hole."""
    brightest = int(levels.max())
    if 0 < brightest <= 127:
        raise ImageError(
            f"{path}: its brightest pixel is {brightest} of 255, so nothing in it is white; a mask is white (255) "
            f"where the hole is; {_HOW}"
        )
    if not ((levels >= GRAY_SPREAD) & (levels < 256 - GRAY_SPREAD)).any():
        return
    soft = float(((levels >= _DARK) & (levels < _BRIGHT)).mean())
    if soft > _MOST_SOFT or _even_share(levels) > _MOST_EVEN:
        found = np.unique(levels)
        many = f"levels {', '.join(map(str, found))}" if len(found) <= 8 else f"{len(found)} levels"
        raise ImageError(f"{path}: it has {many}, as a label map or a trimap has; a mask is black and white; {_HOW}")


_HOW = "--mask-threshold N says from which level on (1 to 255) a pixel is hole"


def _is_two_valued(photo: NDArray[np.uint8]) -> bool:
    between = (photo > _BLACK) & (photo < _WHITE)
    if between.any(axis=2).mean() <= _MOST_BETWEEN and np.ptp(photo, axis=2).max() <= GRAY_SPREAD:
        return True
    colours = photo.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    return len(np.unique(colours)) == 2


def _even_share(levels: NDArray[np.uint8]) -> float:
    """The share of pixels that are gray, and of the very level of their eight neighbours."""
    if min(levels.shape) < 3:
        return 0.0
    inner = levels[1:-1, 1:-1]
    even = (inner >= GRAY_SPREAD) & (inner < 256 - GRAY_SPREAD)
    height, width = inner.shape
    for top in range(3):
        for left in range(3):
            even &= levels[top : top + height, left : left + width] == inner
    return float(even.mean())
