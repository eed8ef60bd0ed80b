"""The residual that Splicebuster looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP = 2.0
"""Quantisation step in levels of 0 to 255, the paper's."""


def luminance(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """0.299 R + 0.587 G + 0.114 B: uint8 H x W x 3 to H x W."""
    return image @ np.array([0.299, 0.587, 0.114])


def third_differences(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """x[i-1] - 3 x[i] + 3 x[i+1] - x[i+2] along an axis (the paper's equation 1), of the shape of `values`.

    Beyond the border the image is mirrored.  Any polynomial of degree two vanishes.
    """
    padding = [(0, 0), (0, 0)]
    padding[axis] = (1, 2)
    return -np.diff(np.pad(values, padding, mode="symmetric"), n=3, axis=axis)
