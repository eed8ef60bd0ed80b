"""Where in a hole a pixel lies: how far from what is known, and which corners of its surroundings are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .painter import DISTANCES
from .structure import SIDE

_ALL = np.ones((3, 3), np.float32)
_CORNERS = tuple(
    np.array(corner, np.float32)
    for corner in (
        [[1, 1, 0], [1, 1, 0], [0, 0, 0]],
        [[0, 0, 0], [1, 1, 0], [1, 1, 0]],
        [[0, 1, 1], [0, 1, 1], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 1], [0, 1, 1]],
    )
)


def small_hole(hole: NDArray[np.bool_], side: int = SIDE) -> NDArray[np.bool_]:
    """A square hole at another size, where what is hole in part is hole."""
    levels = cv2.resize(hole.astype(np.uint8) * 255, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(levels) > 0


def places(hole: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Distances, S x S, in pixels of 256 x 256 and less than 128, and corners, S x S x 4, 0 or 1; 0 where it is known.

    hole: S x S.  Both are found at 256 x 256 by letting the known part grow by a pixel at a time: a corner counts from
    which a pixel was reached at any time.
    """
    known = (~small_hole(hole)).astype(np.float64)
    distances = np.zeros(known.shape, np.int32)
    facing = np.zeros((*known.shape, 4), np.int32)
    step = 0
    while known.any() and not known.all():
        step += 1
        unknown = known == 0
        for corner, filter_ in enumerate(_CORNERS):
            facing[(cv2.filter2D(known, -1, filter_) > 0) & unknown, corner] = 1
        grown = cv2.filter2D(known, -1, _ALL) > 0
        distances[grown & unknown] = step
        known = grown.astype(np.float64)
    np.minimum(distances, DISTANCES - 1, out=distances)
    if hole.shape == known.shape:
        return distances, facing
    at_full = (cv2.resize(x, hole.shape[::-1], interpolation=cv2.INTER_NEAREST) for x in (distances, facing))
    wide, corners = (np.asarray(x, np.int32) for x in at_full)
    wide[~hole] = 0
    corners[~hole] = 0
    return wide, corners
