"""Which votes are too many to be chance: the grid of a picture, and the regions of another one (a contrario)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from .._block_dct import SIDE
from .voting import GRIDS, NONE

REACH = 12
"""Pixels with one vote belong to one region where neither row nor column differs by more: the paper's W."""
_SQUARE = np.ones((REACH, REACH), np.uint8)
MOST = 300.0
"""Of a number of false alarms, no smaller power of ten is told: below, it is 0 in float64."""


@dataclass(frozen=True)
class Region:
    """Votes for one grid that stand together: bool H x W, and -log10 of their number of false alarms."""

    mask: NDArray[np.bool_]
    surprise: float


def surprise(area: float, count: float, size: tuple[int, ...]) -> float:
    """-log10 of the number of false alarms of `count` votes for one grid among `area` pixels of a picture of `size`.

    In a picture without traces each grid has a 64th of the votes.  As the votes of a block's 64 pixels hang together,
    votes and pixels are counted in blocks (the paper's equation of NFA): tests * P(binomial(area / 64, 1 / 64) >= count
    / 64), with a test for each grid and each square window of the picture.
    """
    pixels = size[0] * size[1]
    tests = GRIDS * pixels * math.sqrt(pixels)
    blocks = SIDE * SIDE
    with np.errstate(divide="ignore"):
        tail = binom.logsf(math.floor(count / blocks) - 1, math.floor(area / blocks), 1 / GRIDS) / math.log(10)
    return float(min(-(math.log10(tests) + tail), MOST))


def main_grid(vote: NDArray[np.int8]) -> int:
    """The grid of the whole picture, where its votes are too many to be chance; else NONE."""
    counts = np.bincount(vote[vote != NONE].astype(np.intp), minlength=GRIDS)
    grid = int(counts.argmax())
    return grid if surprise(vote.size, counts[grid], vote.shape) > 0 else NONE


def regions(vote: NDArray[np.int8], grids: Iterable[int]) -> Iterator[Region]:
    """The regions of these grids that are too large and dense to be chance (a number of false alarms below 1)."""
    counts = np.bincount(vote[vote != NONE].astype(np.intp), minlength=GRIDS)
    least = _least_votes(vote.shape)
    for grid in grids:
        if counts[grid] >= least:
            yield from _regions_of(vote == grid, least)


def linked(votes: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which votes hang together, and each group's box: labels H x W, and left, top, width, height by label.

    Two votes are neighbours where neither row nor column differs by more than REACH; then squares of REACH pixels, one
    for each vote, touch or overlap, and OpenCV labels what is connected.  Labels of pixels without a vote mean nothing.
    """
    grown = cv2.dilate(votes.astype(np.uint8), _SQUARE, anchor=(0, 0))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    return labels, boxes[:, :4]


def _regions_of(votes: NDArray[np.bool_], least: int) -> Iterator[Region]:
    labels, boxes = linked(votes)
    sizes = np.bincount(labels[votes], minlength=len(boxes))
    for label in np.flatnonzero(sizes >= least):
        left, top, width, height = boxes[label]
        box = (slice(top, top + height), slice(left, left + width))
        members = votes[box] & (labels[box] == label)
        rows, columns = (np.flatnonzero(members.any(axis=axis)) for axis in (1, 0))
        side = max(np.ptp(rows), np.ptp(columns)) + 1  # of the smallest square around the votes
        meaning = surprise(float(side) ** 2, float(sizes[label]), votes.shape)
        if meaning > 0:
            mask = np.zeros(votes.shape, np.uint8)
            mask[box] = members
            yield Region(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _SQUARE).astype(bool), meaning)


def _least_votes(size: tuple[int, ...]) -> int:
    """Fewer votes than these are no region, however dense: their blocks' probability, (1 / 64)^blocks, is no
    surprise."""
    pixels = size[0] * size[1]
    return math.ceil(SIDE * SIDE * math.log(GRIDS * pixels * math.sqrt(pixels), GRIDS))
