"""A localisation map laid over its photo, to be looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TINT = np.array([255, 32, 32], np.float32)
STRENGTH = 0.6
"""Share of the tint where the map says 1."""
OUTLINE = np.array([255, 230, 0], np.uint8)


def overlay(photo: NDArray[np.uint8], map_: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    """Tint a photo red as the map says, and outline in yellow what reaches the threshold.

    photo: uint8 H x W x 3; map_: float32 H x W in [0, 1].  Returns uint8 H x W x 3.
    """
    share = (STRENGTH * map_)[..., None]
    tinted = np.rint(photo * (1 - share) + TINT * share).astype(np.uint8)
    inside = (map_ >= threshold).astype(np.uint8)
    tinted[inside != cv2.erode(inside, np.ones((3, 3), np.uint8))] = OUTLINE
    return tinted
