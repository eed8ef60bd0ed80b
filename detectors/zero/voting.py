"""Which JPEG grid each pixel votes for, by the zeros of the blocks that hold it (the paper's section 3)."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from .._block_dct import SIDE, at_every_position

NONE = -1
"""The vote of a pixel that prefers no grid."""
GRIDS = SIDE * SIDE

_ZERO = 0.5 - 1e-3
"""A coefficient below rounds to zero.  A thousandth less than a half, so that the coefficients that are multiples of an
eighth do not hang on the last digit of a machine's arithmetic."""


def votes(luminance: NDArray[np.float32]) -> NDArray[np.int8]:
    """The grid that each pixel votes for: float32 H x W (0 to 255) to int8 H x W, 8 * (row) + (column of its origin).

    Of the 64 blocks that hold a pixel, one of each grid, that with the most zeros has its vote; NONE where two have as
    many, where the block is constant along rows or columns (it has zeros without any compression), and for the seven
    pixels along each border, which not every grid's blocks hold.
    """
    zeros, constant = count_zeros(luminance), _constant(luminance)
    height, width = luminance.shape
    most = np.zeros((height, width), np.int8)
    vote = np.full((height, width), NONE, np.int8)
    for row, column in product(range(SIDE), repeat=2):
        blocks = (slice(row, None, SIDE), slice(column, None, SIDE))
        count = _spread(zeros[blocks])
        place = (slice(row, row + count.shape[0]), slice(column, column + count.shape[1]))
        so_far, voted = most[place], vote[place]
        grid = _spread(np.where(constant[blocks], np.int8(NONE), np.int8(SIDE * row + column)))
        voted[...] = np.where(count > so_far, grid, np.where(count == so_far, np.int8(NONE), voted))
        np.maximum(so_far, count, out=so_far)
    inner = np.zeros((height, width), bool)
    inner[SIDE - 1 : 1 - SIDE, SIDE - 1 : 1 - SIDE] = True
    vote[~inner] = NONE
    return vote


def count_zeros(luminance: NDArray[np.float32]) -> NDArray[np.int8]:
    """How many of a block's 63 AC coefficients round to zero, for the block at each position: (H - 7) x (W - 7)."""
    count = np.zeros([length - SIDE + 1 for length in luminance.shape], np.int8)
    for _, coefficient in at_every_position(luminance, [(v, u) for v in range(SIDE) for u in range(SIDE) if v or u]):
        count += np.abs(coefficient) < _ZERO
    return count


def _constant(luminance: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the block at each position has equal rows or equal columns."""
    height, width = (length - SIDE + 1 for length in luminance.shape)
    same = np.zeros((height, width), bool)
    for axis, window in ((0, (SIDE, SIDE - 1)), (1, (SIDE - 1, SIDE))):  # OpenCV's order: width, height
        steps = (np.diff(luminance, axis=axis) != 0).astype(np.uint8)
        counted = cv2.boxFilter(steps, cv2.CV_32S, window, anchor=(0, 0), normalize=False)
        same |= counted[:height, :width] == 0
    return same


def _spread(blocks: NDArray[np.int8]) -> NDArray[np.int8]:
    """A value of each block to its 8x8 pixels."""
    return blocks.repeat(SIDE, axis=0).repeat(SIDE, axis=1)
