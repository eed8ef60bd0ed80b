"""DQ: blocks that were compressed once in a JPEG whose others were compressed twice (Bianchi, De Rosa, Piva 2011)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from safebench.inputs.images import read_photo
from safebench.models.contracts import Detection, Detector

from .._block_dct import SIDE, at_every_position
from .._double_quantisation import fit, mean_around
from .._jpeg_files import CodedLuminance, coded_luminance

FREQUENCIES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
"""The nine lowest, in JPEG's zigzag order: the steps of higher ones leave little but zeros."""
MOVED = tuple(product((3, 4, 5), repeat=2))
"""Pixels, down and right, by which blocks are moved that show the coefficients as they were before."""
_MIDDLE = 128
"""Taken from the levels before the transform (T.81, A.3.1)."""


class Adapter(Detector):
    """The probability of each block that its place was compressed once, of a JPEG file; needs no weights."""

    def detect(self, images: Tensor) -> Detection:
        """Pixels alone do not say how they were coded: nothing is told of them."""
        return Detection(images.new_zeros(images.shape[0], *images.shape[2:]))

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """See `Detector.detect_files`: 0 everywhere for what is no JPEG, or shows no first compression."""
        maps = np.stack([locate(path) for path in paths])
        return Detection(torch.from_numpy(maps).to(self.device))


def locate(path: Path) -> NDArray[np.float32]:
    """The map of one file: H x W in [0, 1], rounded to 16 bits, as maps are stored."""
    coded = coded_luminance(path)
    found = None if coded is None else evidence(coded)
    if coded is None or found is None:
        return np.zeros(read_photo(path).shape[:2], np.float32)
    height, width = coded.levels.shape
    pixels = expit(found).repeat(SIDE, axis=0).repeat(SIDE, axis=1)
    lacking = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]))  # of blocks that are not whole
    return coded.upright(np.rint(np.pad(pixels, lacking, mode="edge") * 65535) / 65535).astype(np.float32)


def evidence(coded: CodedLuminance) -> NDArray[np.float64] | None:
    """log(P(once) / P(twice)) of each whole block, the mean of those around it; None where nothing was compressed
    twice.

    Blocks with clipped pixels do not count: their coefficients are not those that were coded.
    """
    total, traces = np.zeros([length // SIDE for length in coded.levels.shape]), 0
    blocks = tuple(slice(0, length * SIDE, SIDE) for length in total.shape)
    usable, *moved = (~clipped_blocks(coded.clipped[down:, right:]) for down, right in ((0, 0), *MOVED))
    if not usable.any() or not any(blocks.any() for blocks in moved):
        return None
    for frequency, coefficients in at_every_position(coded.levels.astype(np.float32) - _MIDDLE, FREQUENCIES):
        step = int(coded.table[frequency])
        quantised = np.rint(coefficients[blocks] / step).astype(np.int64)
        before = [coefficients[y::SIDE, x::SIDE][kept] for (y, x), kept in zip(MOVED, moved, strict=True)]
        model = fit(quantised[usable], np.concatenate(before).astype(np.float64), step)
        if model.is_trace_in(int(usable.sum())):
            total += model.of(quantised)
            traces += 1
    if not traces:
        return None
    return mean_around(total, usable)


def clipped_blocks(clipped: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which whole blocks hold a clipped pixel: bool H x W to (H // 8) x (W // 8)."""
    rows, columns = (length // SIDE for length in clipped.shape)
    whole = clipped[: rows * SIDE, : columns * SIDE]
    return np.any(whole.reshape(rows, SIDE, columns, SIDE), axis=(1, 3))
