"""Telling photos from masks, and masks from pictures of other levels, by their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ImageError

GRAY_SPREAD = 16
"""Up to so many levels between its channels, a pixel still counts as gray (JPEG's colour rounding)."""

_BLACK, _WHITE = 2, 253
_MOST_BETWEEN = 0.2
"""Of masks that were resized or compressed, few pixels are neither black nor white; of photos nearly all."""
_TIMES_THE_RARER = 4
"""Those are fewer, or not many more, than the pixels of the hole; the moon in a black sky has grays, and no white."""
_AT_EDGES = 8
"""They lie so near to where dark meets bright (a block of JPEG); a thing on white paper is gray within."""
_MOST_ELSEWHERE = 0.05
_FEW_COLOURS = 8
_SAMPLE = 64

_DARK, _BRIGHT = 32, 224
_MOST_SOFT = 0.25
"""Blurred by a Gaussian of 4 pixels, NVIDIA's masks have up to so many pixels that are neither dark nor bright."""
_MOST_EVEN = 0.0005
"""Edges that were smoothed or compressed have next to no area of one gray; label maps and trimaps consist of such."""


def check_photo(path: Path, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo, uint8 H x W x 3; raises ImageError for a mask, and for a label map or drawing of a few colours."""
    step = max(1, min(photo.shape[:2]) // _SAMPLE)
    some = photo[::step, ::step]  # nearly all photos are told by a few of their pixels
    if _is_gray(some) and _between(some).mean() <= 2 * _MOST_BETWEEN and _is_black_and_white(photo):
        raise ImageError(f"{path}: it is black and white alone: a mask, and no photo")
    if 2 <= _colours(some) <= _FEW_COLOURS and 2 <= (colours := _colours(photo)) <= _FEW_COLOURS:
        raise ImageError(f"{path}: it has {colours} colours alone, as a mask or a label map has, so it is no photo")
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
        present = np.unique(levels)
        many = f"levels {', '.join(map(str, present))}" if len(present) <= 8 else f"{len(present)} levels"
        raise ImageError(f"{path}: it has {many}, as a label map or a trimap has; a mask is black and white; {_HOW}")


_HOW = "--mask-threshold N says from which level on (1 to 255) a pixel is hole"


def _colours(photo: NDArray[np.uint8]) -> int:
    return len(np.unique(photo.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)))


def _is_gray(photo: NDArray[np.uint8]) -> bool:
    return int(np.ptp(photo, axis=2).max()) <= GRAY_SPREAD


def _between(photo: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(((photo > _BLACK) & (photo < _WHITE)).any(axis=2))


def _is_black_and_white(photo: NDArray[np.uint8]) -> bool:
    """Whether what is neither black nor white is little, and lies at the edges between the two."""
    import cv2

    between = _between(photo)
    grays = int(np.count_nonzero(between))
    green = photo[:, :, 1]
    rarer = min(int((green <= _BLACK).sum()), int((green >= _WHITE).sum()))
    if not _is_gray(photo) or grays > min(_MOST_BETWEEN * between.size, _TIMES_THE_RARER * rarer):
        return False
    bright = (green > 127).astype(np.uint8)
    edges = cv2.morphologyEx(bright, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    near = cv2.dilate(edges, np.ones((2 * _AT_EDGES + 1, 2 * _AT_EDGES + 1), np.uint8)) > 0
    return int((between & ~near).sum()) <= _MOST_ELSEWHERE * grays


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
