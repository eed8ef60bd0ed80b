"""Where patches may be copied from, and the search for the best of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from safebench.models.toolbox.classical import Image

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]
Indices = NDArray[np.intp]

PATCH = 9
"""Side of a patch in pixels, the paper's."""

_FEW = 1000
"""Up to so many candidates it is quicker to compare one by one than to correlate the image's colours."""
_MANY, _NEAREST = 200, 64
"""Of more candidates than that, so many, the nearest in lightness, are compared first: most often few are left."""


class Source:
    """The known part of an image, the paper's source region.

    rgb, lab: H x W x 3; `size` is the side of a patch: 9, or less where no patch of 9x9 pixels is known whole.
    """

    def __init__(self, image: Image, known: Mask) -> None:
        self.rgb = image
        self.lab: Image = cv2.cvtColor(image, cv2.COLOR_RGB2Lab).astype(np.uint8)
        self.size, whole = _whole_patches(known)
        self._lightness, *self._colours = [_Channel(self.lab[..., c], self.size, whole) for c in range(3)]
        self._pixels = self.lab.reshape(-1, 3).astype(np.int32)
        away = np.arange(self.size) - self.size // 2
        self._offsets = away[:, None] * self.lab.shape[1] + away

    def best_match(self, patch: Image, known: Mask) -> tuple[int, int]:
        """Top and left of the source patch with the least squared distance over `known` (equation 5).

        patch: CIELab, size x size x 3.  The distance in lightness alone is never larger than the whole: only patches
        whose lightness is as near as the whole of one that is near in lightness can be the best.
        """
        lightness = self._lightness.squared_distance(patch[..., 0], known)
        distance = lightness.ravel()
        pixels, offsets = patch[known], self._offsets[known]
        candidates = np.flatnonzero(distance <= self._distances(np.argmin(distance, keepdims=True), pixels, offsets))
        if len(candidates) > _MANY:
            near = candidates[np.argpartition(distance[candidates], _NEAREST)[:_NEAREST]]
            candidates = candidates[distance[candidates] <= self._distances(near, pixels, offsets).min()]
        best = candidates[0]
        if len(candidates) > _FEW:
            for channel, values in zip(self._colours, (patch[..., 1], patch[..., 2]), strict=True):
                lightness += channel.squared_distance(values, known)
            best = distance.argmin()
        elif len(candidates) > 1:
            best = candidates[self._distances(candidates, pixels, offsets).argmin()]
        y, x = divmod(int(best), self.lab.shape[1])
        return y - self.size // 2, x - self.size // 2

    def _distances(self, centres: Indices, pixels: Image, offsets: Indices) -> NDArray[np.int32]:
        """The squared distances of the patches about some pixels, numbered in reading order, to another's known pixels.

        pixels: N x 3; offsets: N, what leads from the number of a patch's centre to theirs.
        """
        differences = self._pixels[centres[:, None] + offsets] - pixels
        return np.einsum("npc,npc->n", differences, differences)


class _Channel:
    """One channel of an image, H x W, and the arrays that its distances are computed in.

    A sum of squared differences is split into correlations; their values are whole numbers up to 81 * 255^2 < 2^24, and
    so are the sums of three, which float32 holds exactly, in whatever order they are summed.
    """

    def __init__(self, plane: NDArray[np.uint8], size: int, centres: Mask) -> None:
        self._plane = np.ascontiguousarray(plane, dtype=np.float32)
        self._square = np.square(self._plane)
        self._distance, self._part, whole = (np.empty_like(self._plane) for _ in range(3))
        self._whole = np.where(
            centres, _correlate(self._square, np.ones((size, size), np.float32), whole), np.float32(np.inf)
        )

    def squared_distance(self, values: NDArray[np.uint8], known: Mask) -> Plane:
        """Of the patch about each centre to `values`, over `known`; infinite elsewhere; the next call overwrites it."""
        wanted = np.where(known, values, 0).astype(np.float32)
        distance = _correlate(self._plane, -2 * wanted, self._distance, float(np.square(wanted).sum()))
        # of a patch of the front less is missing than known
        distance -= _correlate(self._square, (~known).astype(np.float32), self._part)
        distance += self._whole
        return distance


def _whole_patches(known: Mask) -> tuple[int, Mask]:
    """The largest patch up to 9x9 that is known whole somewhere, and the centres of all such patches."""
    for size in range(PATCH, 0, -2):
        kernel = np.ones((size, size), np.uint8)
        whole = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        if whole.any():
            break
    return size, whole


def _correlate(plane: Plane, kernel: Plane, into: Plane, constant: float = 0.0) -> Plane:
    cv2.filter2D(plane, cv2.CV_32F, kernel, dst=into, delta=constant, borderType=cv2.BORDER_CONSTANT)
    return into
