"""Which part of a photo, and of its hole, an example shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import to_square

_FEWEST, _MOST = 0.05, 0.7
"""Between which shares of a window hole is looked for."""


def random_crop(photo: NDArray[np.uint8], resolution: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A square of any size from `resolution` (or the shorter side, where that is less) up, brought to `resolution`,
    mirrored half the time."""
    height, width = photo.shape[:2]
    shorter = min(height, width)
    side = int(rng.integers(min(resolution, shorter), shorter + 1))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    square = to_square(photo[top : top + side, left : left + side], resolution)
    return np.ascontiguousarray(square[:, ::-1]) if rng.random() < 0.5 else square


def windowed(
    crop: NDArray[np.uint8], hole: NDArray[np.bool_], side: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The same square window of both; of eight drawn at random the first whose share of hole lets something be learned,
    else the last."""
    for _ in range(8):
        top, left = (int(x) for x in rng.integers(len(hole) - side + 1, size=2))
        window = np.s_[top : top + side, left : left + side]
        if _FEWEST < hole[window].mean() < _MOST:
            break
    return np.ascontiguousarray(crop[window]), np.ascontiguousarray(hole[window])
