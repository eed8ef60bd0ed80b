"""What diffusion leaves behind: how the Laplacian changes along the isophotes (Li, Luo, Huang 2017).

Diffusion-based inpainting carries the image's Laplacian along the isophotes into the hole until it changes no more
(Bertalmio et al. 2000), so in what it filled the change is small and varies little.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

INTRA = (3, 5, 7, 9)
"""Sides of the windows over which each channel's variance is taken."""
INTER = (1, 3, 5, 7)
"""Sides of the windows over which the variance over all three channels is taken."""
COUNT = 3 * len(INTRA) + len(INTER)
REACH = 12
"""How far a pixel's features look, in pixels."""

_FLOOR = 0.1
"""Keeps the logarithm finite; about the variance that rounding to whole levels gives, in levels squared."""


def laplacian_change(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The Laplacian one pixel further along the isophote, minus the Laplacian here.

    image: float32 H x W x 3, in levels of 0 to 255.  Returns float32 H x W x 3.  The isophote is at right angles to
    the gradient (central differences); between pixels the Laplacian is interpolated bilinearly.  Where there is no
    gradient there is no isophote, and the change is 0.
    """
    up, down, left, right = (_shifted(image, dy, dx) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)))
    laplacian = up + down + left + right - 4 * image
    gradient_x, gradient_y = right - left, down - up
    length = np.hypot(gradient_x, gradient_y)
    length[length == 0] = 1
    step_x, step_y = -gradient_y / length, gradient_x / length

    height, width, channels = image.shape
    rows, columns, bands = np.ogrid[:height, :width, :channels]
    beside = np.clip(columns + np.sign(step_x).astype(np.intp), 0, width - 1)
    below = np.clip(rows + np.sign(step_y).astype(np.intp), 0, height - 1)
    weight_x, weight_y = np.abs(step_x), np.abs(step_y)
    here = (1 - weight_x) * laplacian + weight_x * laplacian[rows, beside, bands]
    there = (1 - weight_x) * laplacian[below, columns, bands] + weight_x * laplacian[below, beside, bands]
    change: NDArray[np.float32] = (1 - weight_y) * here + weight_y * there - laplacian
    return change


def local_variances(change: NDArray[np.float32]) -> NDArray[np.float32]:
    """The paper's 16 local variances at each pixel: float32 H x W x 16.

    First those within a channel, for each window three; beyond the smallest window their least value nearby, so that
    a window which straddles the hole's border does not hide it.  Then those over the channels together.
    """
    found: list[NDArray[np.float32]] = []
    for side in INTRA:
        variance = _variance(_mean(change, side), _mean(change * change, side))
        if side > INTRA[0]:
            variance = cv2.erode(variance, np.ones((side - 2, side - 2), np.uint8)).astype(np.float32)
        found.extend(np.moveaxis(variance, -1, 0))
    mean, square = change.mean(axis=2), (change * change).mean(axis=2)
    found.extend(_variance(_mean(mean, side), _mean(square, side)) for side in INTER)
    return np.stack(found, axis=-1)


def features(variances: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithms of the variances."""
    return np.log(variances + np.float32(_FLOOR))


def without_evidence(image: NDArray[np.uint8], variances: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels that say nothing, whether filled or not: exactly flat, or close to where a channel is clipped.

    image: uint8 H x W x 3; variances: of the same image.  Returns bool H x W.  (The paper leaves out what is
    clipped in all channels; one is enough to make the others vary alone.)
    """
    last = 3 * len(INTRA)
    flat = ~variances[..., last - 3 : last].any(axis=2)
    clipped = np.asarray(((image <= 2) | (image >= 253)).any(axis=2), dtype=np.uint8)
    areas = cv2.dilate(cv2.erode(clipped, np.ones((3, 3), np.uint8)), np.ones((7, 7), np.uint8))
    return flat | (areas > 0)


def _shifted(image: NDArray[np.float32], dy: int, dx: int) -> NDArray[np.float32]:
    """Each pixel's neighbour at (dy, dx), the image's border repeated."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def _mean(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT).astype(np.float32)
    return mean


def _variance(mean: NDArray[np.float32], mean_square: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(mean_square - mean * mean, 0)
