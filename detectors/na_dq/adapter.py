"""Blocks that were not compressed on the grid on which the rest of the picture was (Bianchi and Piva 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor

from safebench.inputs.images import read_photo
from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import to_images

from .._block_dct import SIDE, at_every_position, luminance
from .._double_quantisation import Fit, fit, mean_around
from .._jpeg_files import CLIPPED, coded_colours, coded_luminance
from .grid import REACH, calibration, first_grid, likely_steps, periodicity

FREQUENCIES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
"""The nine lowest, in JPEG's zigzag order."""
NOISES = (0.4, 0.7, 1.2, 2.0, 3.5)
"""Deviations that rounding and a second compression may give a coefficient, in levels; the likeliest counts."""
PRIOR = 0.01
"""Of a block not compressed before.  (The share that the histograms tell is too large where the trace is faint: noise
is no Gaussian, since blocks with few coefficients lose less by the second compression.)"""
_MIDDLE = 128


class Adapter(Detector):
    """The probability of each block that it was not compressed on the picture's first grid; needs no weights."""

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`: as of pictures that are no JPEG files."""
        return self._detection([_map_of_pixels(image) for image in to_images(images)])

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """See `Detector.detect_files`: 0 everywhere where no earlier compression shows."""
        return self._detection([locate(path) for path in paths])

    def _detection(self, maps: list[NDArray[np.float32]]) -> Detection:
        return Detection(torch.from_numpy(np.stack(maps)).to(self.device))


def locate(path: Path) -> NDArray[np.float32]:
    """The map of one file: H x W in [0, 1], rounded to 16 bits, as maps are stored."""
    coded = coded_luminance(path)
    if coded is not None:
        return coded.upright(_map(coded.levels.astype(np.float32), coded.clipped, own=True))
    if (stored := coded_colours(path)) is not None:  # their blocks lie on the file's grid, too
        return stored.upright(_map_of_pixels(stored.colours, own=True))
    return _map_of_pixels(read_photo(path))


def _map_of_pixels(image: NDArray[np.uint8], own: bool = False) -> NDArray[np.float32]:
    clipped = np.any((image <= CLIPPED) | (image >= 255 - CLIPPED), axis=2)
    return _map(luminance(image), clipped, own)


def _map(levels: NDArray[np.float32], clipped: NDArray[np.bool_], own: bool) -> NDArray[np.float32]:
    """The map of a luminance, H x W; own: it lies in a JPEG file, whose own grid begins at its corner."""
    coefficients = dict(at_every_position(levels - _MIDDLE, FREQUENCIES))
    strengths = periodicity(coefficients)
    shift = first_grid(strengths, own)
    if shift is None:
        return np.zeros(levels.shape, np.float32)
    down, right = shift
    usable = without_clipped(clipped)
    counting = usable[down::SIDE, right::SIDE]
    total, traces = np.zeros(counting.shape), 0
    for values, strength in zip(coefficients.values(), strengths[down, right], strict=True):
        blocks = values[down::SIDE, right::SIDE]
        counted = counting & (np.abs(blocks) < REACH)
        quantised = np.rint(blocks[counted]).astype(np.int64)
        model = _fit(quantised, calibration(values, shift, usable, own), likely_steps(strength))
        if model is not None and model.is_trace_in(quantised.size):
            total[counted] += model.of(quantised)
            traces += 1
    if not traces:
        return np.zeros(levels.shape, np.float32)
    pixels = expit(mean_around(total, counting) + logit(PRIOR)).repeat(SIDE, axis=0).repeat(SIDE, axis=1)
    around = np.pad(pixels, ((down, SIDE), (right, SIDE)), mode="edge")  # of blocks that are not whole
    return (np.rint(around[: levels.shape[0], : levels.shape[1]] * 65535) / 65535).astype(np.float32)


def _fit(quantised: NDArray[np.int64], before: NDArray[np.float64], steps: list[int]) -> Fit | None:
    """The likeliest of all steps and noises; None where there is nothing to tell it by."""
    if not quantised.size or not before.size:
        return None
    return max((fit(quantised, before, 1, steps, noise) for noise in NOISES), key=lambda model: model.gain)


def without_clipped(clipped: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of every position whether its block holds no clipped pixel: H x W to (H - 7) x (W - 7)."""
    height, width = (length - SIDE + 1 for length in clipped.shape)
    near = cv2.dilate(clipped.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8), anchor=(SIDE - 1, SIDE - 1))
    return np.asarray(near[SIDE - 1 :, SIDE - 1 :][:height, :width] == 0)
