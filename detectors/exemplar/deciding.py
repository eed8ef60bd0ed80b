"""Which of two matching places is the copy, and the map that follows from it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from safebench.models.toolbox.classical import Image

from .matching import Fragments, find_fragments

NEIGHBOURHOOD = 6.0
"""Standard deviation in pixels of the window that density is taken over: about two patches of 9x9 across."""
STEEPNESS = 10.0
"""Of the curve that makes a probability of a difference of densities."""
ROUNDS = 8
SMOOTHING = 1.0
"""Standard deviation in pixels of the last smoothing, which closes the seams between fragments."""

Map = NDArray[np.float32]


def locate(image: Image) -> Map:
    """The probability of each pixel to be a copy, H x W in [0, 1], from an RGB image, H x W x 3.

    A filling is pieced together from fragments without a gap, while what they were taken from lies scattered over
    the image: of two matching places the copy is the one in the midst of other copies.  So the density of copies
    around either place decides, first with all matching pixels taken for copies, then round after round with those
    that the last round held for copies.
    """
    fragments = find_fragments(image)
    copied = np.zeros(image.shape[:2], np.float32)
    copied.flat[fragments.here] = copied.flat[fragments.there] = 1
    for _ in range(ROUNDS):
        copied = _decide(fragments, _blurred(copied, NEIGHBOURHOOD))
    return np.clip(_blurred(copied, SMOOTHING), 0, 1)


def _decide(fragments: Fragments, density: Map) -> Map:
    """The probability to be a copy, by the density of copies around the two places of each fragment.

    What was copied several times matches its copies, and they one another; a pixel is a copy where it is one in
    any of its matches, and only the source is one in none.
    """
    lean = fragments.mean(density.ravel()[fragments.here] - density.ravel()[fragments.there])
    here = (1 / (1 + np.exp(-STEEPNESS * lean))).astype(np.float32)[fragments.label]
    copied = np.zeros(density.size, np.float32)
    np.maximum.at(copied, fragments.here, here)
    np.maximum.at(copied, fragments.there, 1 - here)
    return copied.reshape(density.shape)


def _blurred(values: Map, sigma: float) -> Map:
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT).astype(np.float32, copy=False)
