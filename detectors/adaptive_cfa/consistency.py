"""Where a picture's blocks do not follow the mosaic that the rest of it follows."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from .network import POSITIONS

WINDOW = 16
"""Blocks (of 2x2 pixels) of a side of the square whose evidence is taken together."""
DEPENDENT = 16
"""Blocks whose evidence counts as that of one, since neighbours look at the same pixels."""
UNSURE = 0.2
"""Share of the blocks of which the network's answer may mean nothing."""
PRIOR = 0.01
"""Of a place that does not follow the picture's mosaic."""
LEAST_GAIN = 0.04
"""Of the logarithm of the likelihood, a telling block: the colours of a JPEG file, which have a period of two pixels as
well, gave up to 0.024, and pictures that were demosaiced and compressed at 80 most often more."""
CLIPPED = 2
"""Levels from black and white within which a pixel tells nothing."""


def telling_blocks(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The 2x2 blocks that hold no clipped pixel and are not of one colour: uint8 H x W x 3 to bool H/2 x W/2."""
    height, width = (length // 2 * 2 for length in image.shape[:2])
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
    darkest, lightest = blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))
    clipped = (darkest <= CLIPPED) | (lightest >= 255 - CLIPPED)
    return np.asarray(~clipped.any(axis=2) & (darkest != lightest).any(axis=2))


def inconsistency(evidence: NDArray[np.float32], telling: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How probable it is that a block does not follow the picture's mosaic: 4 x h x w and bool h x w to h x w.

    evidence: of each block, how likely its pixels make it that red is at each of its four places, up to a constant (in
    logarithms).  0 everywhere where the picture as a whole follows no mosaic.
    """
    shares = np.exp(evidence - logsumexp(evidence, axis=0))
    gains = np.log(POSITIONS * (1 - UNSURE) * shares + UNSURE) * telling / DEPENDENT
    total = gains.sum(axis=(1, 2))
    main = int(total.argmax())
    if total[main] < max(math.log(POSITIONS / PRIOR), LEAST_GAIN * telling.sum() / DEPENDENT):
        return np.zeros(telling.shape)
    around = np.stack([_summed(gain) for gain in gains])
    foreign = np.append(np.delete(around, main, axis=0), np.zeros((1, *telling.shape)), axis=0)  # the last: no mosaic
    against = logsumexp(foreign, axis=0) + math.log(PRIOR / POSITIONS)
    return np.asarray(1 / (1 + np.exp(np.clip(around[main] + math.log(1 - PRIOR) - against, -700, 700))))


def _summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums over the squares around each block; beyond the border the picture is mirrored."""
    return np.asarray(cv2.boxFilter(values, cv2.CV_64F, (WINDOW, WINDOW), normalize=False))
