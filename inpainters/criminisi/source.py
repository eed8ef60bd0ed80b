"""Where patches may be copied from, and the search for the best of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from safebench.models.toolbox.classical import Image

Mask = NDArray[np.bool_]

PATCH = 9
"""Side of a patch in pixels, the paper's."""


class Source:
    """The known part of an image, the paper's source region.

    rgb, lab: H x W x 3; `size` is the side of a patch: 9, or less where no patch of 9x9 pixels is known whole.
    """

    def __init__(self, image: Image, known: Mask) -> None:
        self.rgb = image
        self.lab: Image = cv2.cvtColor(image, cv2.COLOR_RGB2Lab).astype(np.uint8)
        self.size, self._whole = _whole_patches(known)
        planes = self.lab.astype(np.float32)
        self._planes = [np.ascontiguousarray(planes[..., c]) for c in range(3)]
        self._squares = np.square(planes).sum(axis=-1)

    def best_match(self, patch: Image, known: Mask) -> tuple[int, int]:
        """Top and left of the source patch with the least squared distance over `known` (equation 5).

        patch: CIELab, size x size x 3.  The sum of squares is split into two correlations; their values are
        whole numbers up to 3 * 81 * 255^2 < 2^24, which float32 holds exactly, in whatever order they are summed.
        """
        distance = _correlate(self._squares, known.astype(np.float32))
        for plane, values in zip(self._planes, np.moveaxis(patch, -1, 0), strict=True):
            distance -= _correlate(plane, np.where(known, values, 0).astype(np.float32) * 2)
        distance[~self._whole] = np.inf
        y, x = divmod(int(np.argmin(distance)), distance.shape[1])
        return y - self.size // 2, x - self.size // 2


def _whole_patches(known: Mask) -> tuple[int, Mask]:
    """The largest patch up to 9x9 that is known whole somewhere, and the centres of all such patches."""
    for size in range(PATCH, 0, -2):
        kernel = np.ones((size, size), np.uint8)
        whole = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        if whole.any():
            break
    return size, whole


def _correlate(plane: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    result = cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    return result.astype(np.float32, copy=False)
