"""The algorithm of Criminisi, Pérez and Toyama: patch by patch, the most promising place of the front first.

Names and equation numbers are the paper's (IEEE Transactions on Image Processing 13(9), 2004, section III).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from safebench.models.toolbox.classical import Image

from .source import Mask, Source

Window = tuple[slice, slice]
Indices = NDArray[np.intp]

ALPHA = 255.0
"""Normalises the data term: the largest lightness."""
FLAT = 1e-3
"""Added to the data term, so that confidence alone gives the order where nothing has a gradient."""

_PLACES = 2 ** np.arange(9)
"""What each of a pixel's 3x3 neighbours counts, in reading order, in the number of the pattern of known ones."""


def _normals_of_patterns() -> NDArray[np.float64]:
    """The unit normal of each pattern of 3x3 known pixels, 2 x 512, by Sobel's operator."""
    around = (np.arange(512)[:, None] & _PLACES > 0).reshape(-1, 3, 3).astype(np.float64)
    smooth = np.array([1.0, 2.0, 1.0])
    normals = np.stack([(around[:, 2] - around[:, 0]) @ smooth, (around[:, :, 2] - around[:, :, 0]) @ smooth])
    return normals / np.maximum(np.hypot(*normals), 1)


_NORMALS = _normals_of_patterns()


def fill(image: Image, hole: Mask) -> Image:
    """Fill the hole (True) of an RGB image, H x W x 3, with patches copied from its known part.

    Every pixel that it writes is an exact copy of a known one.  Something has to be known.
    """
    filling = InpaintWorker(image, hole)
    while filling.fill_next_patch():
        pass
    return filling.image


class InpaintWorker:
    """An image on its way to being filled.

    Its arrays are padded, so that the patch about any pixel lies inside them; what lies beyond the image is
    neither known nor missing.
    """

    def __init__(self, image: Image, hole: Mask) -> None:
        self._source = Source(image, ~hole)
        self._half = self._source.size // 2
        self._pad = self._half + 1
        self._rgb, self._lab = self._padded(image), self._padded(self._source.lab)
        self._known, self._missing = self._padded(~hole), self._padded(hole)
        self._confidence = self._known.astype(np.float64)
        self._gradient = np.zeros((2, *self._known.shape))
        self._steepness: NDArray[np.float64] = np.zeros(self._known.shape)
        self._priority: NDArray[np.float64] = np.full(self._known.shape, -1.0)
        size = self._source.size
        self._confidence_patches = sliding_window_view(self._confidence, (size, size))
        self._steepness_patches = sliding_window_view(self._steepness, (size, size))
        self._lightness: NDArray[np.float64] = self._lab[..., 0].astype(np.float64)
        rows, columns = np.mgrid[-1:2, -1:2]
        self._around = (rows * self._known.shape[1] + columns).ravel()
        whole = self._inside(0, 0, max(self._known.shape))
        self._update_gradient(whole)
        self._update_priority(whole)

    @property
    def image(self) -> Image:
        """The picture as it stands, H x W x 3."""
        return self._rgb[self._pad : -self._pad, self._pad : -self._pad]

    def fill_next_patch(self) -> bool:
        """Fill what is missing of the patch of highest priority; False where nothing is missing any more.

        Of equal priorities, and of equally good sources, the first in reading order is taken.
        """
        y, x = divmod(int(np.argmax(self._priority)), self._priority.shape[1])
        if self._priority[y, x] < 0:
            return False
        size, half = self._source.size, self._half
        patch = slice(y - half, y + half + 1), slice(x - half, x + half + 1)
        missing = self._missing[patch].copy()
        top, left = self._source.best_match(self._lab[patch], self._known[patch])
        chosen = slice(top, top + size), slice(left, left + size)
        self._rgb[patch][missing] = self._source.rgb[chosen][missing]
        self._lab[patch][missing] = self._source.lab[chosen][missing]
        self._lightness[patch][missing] = self._source.lab[chosen][..., 0][missing]
        # what is filled inherits the confidence of the patch's centre (section III-A, step 3)
        self._confidence[patch][missing] = self._confidence[patch].sum() / size**2
        self._known[patch] |= missing
        self._missing[patch] = False
        self._update_gradient(self._inside(y, x, half + 1))
        self._update_priority(self._inside(y, x, 2 * half + 1))
        return True

    def _padded(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.pad(array, [(self._pad, self._pad)] * 2 + [(0, 0)] * (array.ndim - 2))

    def _inside(self, y: int, x: int, reach: int) -> Window:
        """The pixels of the image within `reach` of a place."""
        height, width = self._known.shape
        rows = slice(max(self._pad, y - reach), min(height - self._pad, y + reach + 1))
        return rows, slice(max(self._pad, x - reach), min(width - self._pad, x + reach + 1))

    def _update_gradient(self, window: Window) -> None:
        """Central differences of the lightness where a pixel's four neighbours are known, else zero."""
        above, below, before, after = neighbours = _neighbours(window)
        up, down, left, right = (self._known[w] for w in neighbours)
        half = np.where(up & down & left & right, 0.5, 0.0)
        gradient_y = (self._lightness[below] - self._lightness[above]) * half
        gradient_x = (self._lightness[after] - self._lightness[before]) * half
        self._gradient[0][window], self._gradient[1][window] = gradient_y, gradient_x
        self._steepness[window] = gradient_y * gradient_y + gradient_x * gradient_x

    def _update_priority(self, window: Window) -> None:
        """P(p) = C(p) D(p) at the front's pixels within a window (equation 1); -1 at all others.

        The front is what is missing beside what is known.  C is the share of the patch that is known, each pixel
        by its confidence (equation 2); D the isophote through the patch, across the front (equation 3): the
        isophote is the patch's strongest gradient turned by 90 degrees.
        """
        self._priority[window] = -1
        up, down, left, right = (self._known[w] for w in _neighbours(window))
        y, x = np.nonzero(self._missing[window] & (up | down | left | right))
        y, x = y + window[0].start, x + window[1].start
        size, half = self._source.size, self._half
        confidence = self._confidence_patches[y - half, x - half].sum(axis=(1, 2)) / size**2
        strongest = np.argmax(self._steepness_patches[y - half, x - half].reshape(len(y), size**2), axis=1)
        gradient_y, gradient_x = self._gradient[:, y - half + strongest // size, x - half + strongest % size]
        normal_y, normal_x = self._normals(y, x)
        data = np.abs(gradient_y * normal_x - gradient_x * normal_y) / ALPHA
        self._priority[y, x] = confidence * (data + FLAT)

    def _normals(self, y: Indices, x: Indices) -> NDArray[np.float64]:
        """Unit normals of the front, 2 x N: Sobel's gradient of what is known; zero where it has none."""
        around = self._known.ravel()[(y * self._known.shape[1] + x)[:, None] + self._around]
        return _NORMALS[:, around @ _PLACES]


def _neighbours(window: Window) -> tuple[Window, Window, Window, Window]:
    """The windows one pixel up, down, left and right of a window."""
    rows, columns = window
    above, below = (slice(rows.start + step, rows.stop + step) for step in (-1, 1))
    before, after = (slice(columns.start + step, columns.stop + step) for step in (-1, 1))
    return (above, columns), (below, columns), (rows, before), (rows, after)
