"""Where patches may be copied from, and the search for the best of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from safebench.models.toolbox.classical import Image

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

PATCH = 9
"""Side of a patch in pixels, the paper's."""

_FEW = 300
"""Up to so many candidates it is quicker to compare one by one than to correlate the image's colours."""


class Source:
    """The known part of an image, the paper's source region.

    rgb, lab: H x W x 3; `size` is the side of a patch: 9, or less where no patch of 9x9 pixels is known whole.
    """

    def __init__(self, image: Image, known: Mask) -> None:
        self.rgb = image
        self.lab: Image = cv2.cvtColor(image, cv2.COLOR_RGB2Lab).astype(np.uint8)
        self.size, whole = _whole_patches(known)
        self._outside = np.where(whole, np.float32(0), np.float32(np.inf))
        planes = [np.ascontiguousarray(self.lab[..., c], dtype=np.float32) for c in range(3)]
        self._lightness, *self._colours = [(plane, np.square(plane)) for plane in planes]
        self._patches = sliding_window_view(self.lab, (self.size, self.size), axis=(0, 1))

    def best_match(self, patch: Image, known: Mask) -> tuple[int, int]:
        """Top and left of the source patch with the least squared distance over `known` (equation 5).

        patch: CIELab, size x size x 3.  The distance in lightness alone is never larger than the whole: only patches
        whose lightness is as near as the whole of the one nearest in lightness can be the best.
        """
        distance = self._outside + _squared_distance(self._lightness, patch[..., 0], known)
        nearest = np.array([np.argmin(distance)])
        candidates = np.flatnonzero(distance <= self._distances(nearest, patch, known))
        if len(candidates) <= _FEW:
            best = int(candidates[np.argmin(self._distances(candidates, patch, known))])
        else:
            for plane, values in zip(self._colours, (patch[..., 1], patch[..., 2]), strict=True):
                distance += _squared_distance(plane, values, known)
            best = int(np.argmin(distance))
        y, x = divmod(best, distance.shape[1])
        return y - self.size // 2, x - self.size // 2

    def _distances(self, centres: NDArray[np.intp], patch: Image, known: Mask) -> NDArray[np.int64]:
        """The squared distances of the patches about some pixels, numbered in reading order."""
        y, x = np.divmod(centres, self.lab.shape[1])
        patches = self._patches[y - self.size // 2, x - self.size // 2][..., known].astype(np.int64)
        return np.square(patches - patch[known].T).sum(axis=(1, 2))


def _squared_distance(plane: tuple[Plane, Plane], values: NDArray[np.uint8], known: Mask) -> Plane:
    """Of the patch about each pixel to `values`, over `known`.  plane: H x W, and its square.

    The sum of squares is split into two correlations; their values are whole numbers up to 81 * 255^2 < 2^24, and so
    are the sums of three, which float32 holds exactly, in whatever order they are summed.
    """
    wanted = np.where(known, values, 0).astype(np.float32)
    distance = _correlate(plane[1], known.astype(np.float32))
    distance -= _correlate(plane[0], wanted * 2)
    distance += np.square(wanted).sum()
    return distance


def _whole_patches(known: Mask) -> tuple[int, Mask]:
    """The largest patch up to 9x9 that is known whole somewhere, and the centres of all such patches."""
    for size in range(PATCH, 0, -2):
        kernel = np.ones((size, size), np.uint8)
        whole = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        if whole.any():
            break
    return size, whole


def _correlate(plane: Plane, kernel: Plane) -> Plane:
    result = cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    return result.astype(np.float32, copy=False)
