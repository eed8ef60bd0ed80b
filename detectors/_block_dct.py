"""The discrete cosine transform of JPEG's 8x8 blocks, at every position of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

SIDE = 8
"""Pixels along a block's side."""
BASIS: NDArray[np.float32] = dct(np.eye(SIDE), axis=0, norm="ortho").astype(np.float32)
"""Row u is the cosine of frequency u over the 8 pixels, scaled as in JPEG (T.81, A.3.3)."""

Frequency = tuple[int, int]
"""Vertical and horizontal, 0 to 7."""


def luminance(image: NDArray[np.uint8]) -> NDArray[Any]:
    """JPEG's luminance, not rounded: uint8 H x W x 3 to float32 H x W, 0 to 255."""
    return cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)


def at_every_position(
    values: NDArray[Any], frequencies: Iterable[Frequency]
) -> Iterator[tuple[Frequency, NDArray[Any]]]:
    """The coefficients of all blocks, one frequency after the other: float32 H x W to (H - 7) x (W - 7).

    The coefficient at (y, x) is that of the block whose upper left pixel is (y, x).
    """
    height, width = (length - SIDE + 1 for length in values.shape)
    along_rows: dict[int, NDArray[Any]] = {}
    for v, u in frequencies:
        if u not in along_rows:
            along_rows[u] = cv2.filter2D(values, cv2.CV_32F, BASIS[u][None], anchor=(0, 0))
        found = cv2.filter2D(along_rows[u], cv2.CV_32F, BASIS[v][:, None], anchor=(0, 0))
        yield (v, u), found[:height, :width]
