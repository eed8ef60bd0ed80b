"""Pieces of an image that recur elsewhere in it to the last bit, and how unlikely that is to be chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from safebench.models.toolbox.classical import Image

Indices = NDArray[np.int64]

MOST_OFTEN = 16
"""Windows that occur more often than this are the image's own pattern, or flat, rather than copies."""
NEAREST = 6
"""Least offset in pixels, along the longer axis: a smooth image resembles itself from one pixel to the next."""
MARGIN_BITS = 8.0
"""How far a match has to lie beyond what the best of all pairs of places reaches by chance."""
MOST_BITS = 12.0
"""The most that one pixel counts, however rare."""
CLASSES = 16
"""Of pixels, by the activity around them."""
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
"""Odd, without pattern: they mix the four pixels of a window into one number of 64 bits."""


@dataclass(frozen=True)
class Fragments:
    """Connected pieces of an image, each equal to another place at one offset, listed pixel by pixel.

    here, there: flat indices of a pixel and of its equal; label: which fragment the two belong to, counted from 0.
    """

    here: Indices
    there: Indices
    label: Indices

    def sum(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The sum over each fragment, of one value for each of its pixels."""
        return np.bincount(self.label, weights=values).astype(np.float64, copy=False)

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The mean over each fragment, of one value for each of its pixels."""
        return self.sum(values) / np.bincount(self.label)

    def only(self, wanted: NDArray[np.bool_]) -> Fragments:
        """The fragments that are wanted, counted anew."""
        kept = wanted[self.label]
        number = np.cumsum(wanted) - 1
        return Fragments(self.here[kept], self.there[kept], number[self.label[kept]])


def find_fragments(image: Image) -> Fragments:
    """All fragments of an RGB image, H x W x 3, that chance does not explain.

    A fragment is a region of Wu's zero connectivity: connected pixels whose difference from those at one offset is
    zero.  Instead of comparing all blocks with all others, equal windows of 2x2 pixels are found by sorting hashes
    (Liang et al. 2015 hash, too), and windows that touch and recur at the same offset are joined.  Instead of a
    least size, a fragment needs as many bits as single out one pair of places among all, and some to spare: a few
    pixels of texture are enough, and no number of saturated ones is.  Only pixels count that differ from their
    neighbour in the offset's direction: edges, stripes and compressed gradients go on along their course to the last
    bit, in photos that were compressed or enlarged, too, and no copying is needed to explain that.
    """
    width, pixels = image.shape[1], image.shape[0] * image.shape[1]
    bits = information(image).ravel()
    needed = 2 * np.log2(pixels) + MARGIN_BITS
    corners = np.array([0, 1, width, width + 1])
    windows = _touching_windows(*_equal_windows(image), width, pixels)
    # the windows of a fragment hold no less than its pixels: most fall here, before any pixels are listed
    windows = windows.only(windows.sum(bits[windows.here[:, None] + corners].sum(axis=1)) >= needed)
    offset = np.zeros(len(windows.label), np.int64)
    offset[windows.label] = windows.there - windows.here
    numbered = windows.label * pixels + windows.here
    label, here = np.divmod(np.unique(np.concatenate([numbered + c for c in corners])), pixels)
    fragments = Fragments(here, here + offset[label], label)
    informative = np.minimum(bits[fragments.here], bits[fragments.there]) * _changes_along_offset(image, fragments)
    return fragments.only(fragments.sum(informative) >= needed)


def _changes_along_offset(image: Image, fragments: Fragments) -> NDArray[np.bool_]:
    """Of each listed pixel, whether it differs from the next one (of eight) in the direction of its equal."""
    height, width = image.shape[:2]
    y, x = np.divmod(fragments.here, width)
    to_y, to_x = (there - here for there, here in zip(np.divmod(fragments.there, width), (y, x), strict=True))
    length = np.maximum(np.abs(to_y), np.abs(to_x))
    beside_y = np.clip(y + np.rint(to_y / length).astype(np.int64), 0, height - 1)
    beside_x = np.clip(x + np.rint(to_x / length).astype(np.int64), 0, width - 1)
    changes: NDArray[np.bool_] = (image[y, x] != image[beside_y, beside_x]).any(axis=1)
    return changes


def information(image: Image) -> NDArray[np.float64]:
    """How many bits each pixel tells beyond its neighbours, H x W in [0, 12].

    What is told is the difference from the mean of the left and the upper neighbour, red, green and blue at once.
    The pixels are put into classes by the range of brightness around them; two pixels of a class agree with the
    probability sum n_i (n_i - 1) / (n (n - 1)), with n_i of its n pixels showing the i-th difference.
    """
    levels = image.astype(np.int64)
    before = np.pad(levels, ((1, 0), (1, 0), (0, 0)), mode="edge")
    difference = levels - (before[1:, :-1] + before[:-1, 1:]) // 2 + 256
    brightness = levels.sum(axis=-1).astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(brightness, square) - cv2.erode(brightness, square)
    activity = np.minimum(1.5 * np.log2(spread + 1), CLASSES - 1).astype(np.int64)
    kind = activity
    for channel in range(3):
        kind = kind * 512 + difference[..., channel]
    kinds, often = np.unique(kind, return_counts=True)
    agreeing = np.bincount(kinds >> 27, weights=often * (often - 1.0), minlength=CLASSES)
    members = np.bincount(activity.ravel(), minlength=CLASSES).astype(np.float64)
    # one pair is taken for agreeing in any case, so that small classes promise nothing
    chance = (agreeing + 1) / (members * (members - 1) + 1)
    return np.clip(-np.log2(chance), 0, MOST_BITS)[activity]


def _equal_windows(image: Image) -> tuple[Indices, Indices]:
    """All pairs of equal 2x2 windows that are rare and far enough apart: flat indices of their top left pixels.

    Of each pair the first is the one that comes first in reading order.  Where there are more pairs than pixels,
    the windows that occur most often are left out, so that memory stays in proportion to the image.
    """
    width = image.shape[1]
    red, green, blue = np.moveaxis(image.astype(np.uint64), -1, 0)
    colour = (red << np.uint64(16)) | (green << np.uint64(8)) | blue
    corners = (colour[:-1, :-1], colour[:-1, 1:], colour[1:, :-1], colour[1:, 1:])
    hashes = sum((c * m for c, m in zip(corners, MULTIPLIERS, strict=True)), np.uint64(0)).ravel()
    order, group = _recurring(hashes)
    pairs = [(order[:-lag], order[lag:], group[lag:] == group[:-lag]) for lag in range(1, MOST_OFTEN)]
    first = np.concatenate([a[equal] for a, _, equal in pairs])
    second = np.concatenate([b[equal] for _, b, equal in pairs])
    (y1, x1), (y2, x2) = (np.divmod(window, width - 1) for window in (first, second))
    far = np.maximum(np.abs(y2 - y1), np.abs(x2 - x1)) >= NEAREST
    return (y1 * width + x1)[far], (y2 * width + x2)[far]


def _recurring(hashes: NDArray[np.uint64]) -> tuple[Indices, Indices]:
    """The windows that occur again, but not too often, sorted by hash and then by place; and a number for each hash."""
    order = np.argsort(hashes, kind="stable")
    sorted_hashes = hashes[order]
    group = np.cumsum(np.append(False, sorted_hashes[1:] != sorted_hashes[:-1]))
    size = np.bincount(group)
    recurring = ((size > 1) & (size <= _most_often(size, len(hashes))))[group]
    return order[recurring], group[recurring]


def _most_often(size: Indices, pairs: int) -> int:
    """The largest size of group, up to the limit, so that the groups up to it make no more than `pairs` pairs."""
    groups = np.bincount(np.minimum(size, MOST_OFTEN + 1), minlength=MOST_OFTEN + 2)[: MOST_OFTEN + 1]
    each = np.arange(MOST_OFTEN + 1)
    made = np.cumsum(groups * (each * (each - 1) // 2))
    return int(np.searchsorted(made, pairs, side="right")) - 1


def _touching_windows(first: Indices, second: Indices, width: int, pixels: int) -> Fragments:
    """Joins windows that touch (by side or corner) and have the same offset."""
    key = (second - first) * pixels + first
    order = np.argsort(key, kind="stable")
    key, first, second = key[order], first[order], second[order]
    ends = []
    for step in (1, width - 1, width, width + 1):
        neighbour = np.searchsorted(key, key + step)
        found = np.flatnonzero(np.append(key, -1)[neighbour] == key + step)
        ends.append((found, neighbour[found]))
    one, other = (np.concatenate(side) for side in zip(*ends, strict=True))
    links = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(key), len(key)))
    label = connected_components(links, directed=False)[1] if len(key) else np.zeros(0)
    return Fragments(first, second, label.astype(np.int64))
