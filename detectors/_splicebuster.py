"""What Splicebuster does with a residual: local co-occurrences, then two models (Cozzolino, Poggi, Verdoliva 2015).

Shared by detectors that differ in the residual alone: Splicebuster takes a high-pass filter's, Noiseprint a network's.
`_two_classes` makes a detector of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from . import _two_gaussians

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

NEIGHBOURS = 4
COMPONENTS = 25
"""Principal components that are kept, the paper's number; fewer where there are few windows."""

_CELLS = 4
"""A window's side in strides: neighbours overlap by three quarters."""
_FEWEST = 20
"""Windows for each component, and for a decision at all."""


@dataclass(frozen=True)
class Segmentation:
    """Two classes of windows, brought back to the pixels.

    ratio: float64 H x W in [0, 1], D_host / (D_host + D_forged) with the Mahalanobis distances D to the two models;
    above 0.5 where a pixel lies nearer to the forged class, 0.5 where nothing can be said.
    separation: variance between the classes over variance within them, along the direction that tells them apart
    best: w0 w1 D^2, with the classes' shares w and the Mahalanobis distance D of their means (pooled covariance).
    colour_share: share of the classes' variance that the windows' mean colours explain (squares and products too), 0
    to 1.  Textures of a photo go with its colours, sky or grass; what was put in does not.
    """

    ratio: Floats
    separation: float
    colour_share: float


def quantise(residual: NDArray[np.floating], step: float) -> NDArray[np.uint8]:
    """round(residual / step), cut off at -1 and 1; returned as 0, 1, 2."""
    return (np.clip(np.rint(residual / step), -1, 1) + 1).astype(np.uint8)


def cooccurrences(levels: NDArray[np.uint8], axis: int) -> Codes:
    """Which of the 25 patterns each pixel and its three neighbours along `axis` form.

    A pattern, its mirror image and its negative count as one: 25 of the 81 are left.  levels: uint8 H x W of 0, 1, 2.
    """
    after = NEIGHBOURS // 2
    padding = [(0, 0), (0, 0)]
    padding[axis] = (NEIGHBOURS - 1 - after, after)
    quadruples = sliding_window_view(np.pad(levels, padding, mode="edge"), NEIGHBOURS, axis=axis)
    numbers = sum(quadruples[..., k] * np.uint8(3**k) for k in range(NEIGHBOURS))
    codes: Codes = _PATTERNS[numbers]
    return codes


def unclipped(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels at least 4 away from areas of 3 x 3 or more where a channel is clipped: H x W.

    Clipping takes away the residual, and would make a class of its own.
    """
    clipped = np.asarray(((image <= 2) | (image >= 253)).any(axis=2), dtype=np.uint8)
    areas = cv2.morphologyEx(clipped, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return cv2.dilate(areas, np.ones((7, 7), np.uint8)) == 0


def segment(
    groups: Sequence[Sequence[Codes]],
    energy: NDArray[np.floating],
    image: NDArray[np.uint8],
    usable: NDArray[np.bool_],
    seed: int,
) -> Segmentation | None:
    """Fit two Gaussians to the windows of an image by expectation-maximisation.

    groups: maps of patterns, uint8 H x W; those of one group share a histogram.  energy: H x W, the residual's square;
    the class with less of it, in the mean of its logarithm, is taken for the forged one: what was filled in has no
    sensor's noise.  image: uint8 H x W x 3.  usable: H x W, False for pixels that are not to be counted.

    Windows measure a sixteenth of the shorter side, but 16 to 128 pixels (the paper's 128 suit large photos), and
    overlap by three quarters.  Returns None where fewer than 20 have half their pixels usable, or all are alike.
    """
    stride = min(max(round(min(energy.shape) / 64), 4), 32)
    pixels = _windows(usable.astype(np.float64), stride)
    told = pixels >= 0.5 * (_CELLS * stride) ** 2
    if told.sum() < _FEWEST:
        return None
    features = _histograms(groups, usable, stride)[told]
    log_energy = np.log(_windows(np.where(usable, energy, 0), stride)[told] / pixels[told] + _LEAST_ENERGY)
    colours = np.stack([_windows(channel, stride)[told] for channel in np.moveaxis(image, -1, 0)], axis=-1)
    ratio = np.full(told.shape, 0.5)
    with _blas().limit(limits=1, user_api="blas"):  # several threads wait for each other at so small matrices
        points = _principal(features)
        if points is None:
            return None
        ratio[told], separation = _two_models(points, log_energy, seed)
        share = _explained(ratio[told] > 0.5, colours / (255 * (_CELLS * stride) ** 2))
    return Segmentation(_to_pixels(ratio, stride, energy.shape), separation, share)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _two_models(points: Floats, log_energy: Floats, seed: int) -> tuple[Floats, float]:
    """The ratio of the distances to the two models at each point, and the separation (see `Segmentation`)."""
    mixture = _two_gaussians.fit(points, seed)
    first = mixture.first_share(points)
    shares = np.stack([first, 1 - first])
    energies = shares @ log_energy / np.maximum(shares.sum(axis=1), np.finfo(float).tiny)
    forged = int(energies[1] < energies[0])
    distances = mixture.distances(points)
    pooled = np.tensordot(mixture.weights, mixture.covariances, axes=1)
    between = mixture.means[1] - mixture.means[0]
    separation = float(mixture.weights.prod() * between @ np.linalg.solve(pooled, between))
    both = np.maximum(distances[0] + distances[1], np.finfo(float).tiny)
    return distances[1 - forged] / both, separation


def _explained(classes: NDArray[np.bool_], colours: Floats) -> float:
    """R^2 of the least-squares fit of the classes by a polynomial of degree two in the colours; 1 for one class."""
    squares = [colours[:, i] * colours[:, j] for i in range(3) for j in range(i, 3)]
    terms = np.column_stack([np.ones(len(colours)), colours, *squares])
    wanted = classes.astype(np.float64)
    left = wanted - terms @ np.linalg.lstsq(terms, wanted, rcond=None)[0]
    return 1 - float(left.var() / wanted.var()) if wanted.any() and not wanted.all() else 1.0


def _principal(features: Floats) -> Floats | None:
    """Principal components, scaled to a total variance of 1; None where all features are alike."""
    count = max(1, min(COMPONENTS, len(features) // _FEWEST))
    centred = features - features.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    components = centred @ axes[:, ::-1][:, :count]
    spread = float(np.sqrt(components.var(axis=0).sum()))
    return components / spread if spread > _LEAST_SPREAD else None


def _histograms(groups: Sequence[Sequence[Codes]], usable: NDArray[np.bool_], stride: int) -> Floats:
    """The square roots of each window's histograms, one for each group: rows x columns x (25 groups)."""
    height, width = (side // stride for side in usable.shape)
    counted = usable[: height * stride, : width * stride]
    cell = (np.arange(height * stride) // stride)[:, None] * width + np.arange(width * stride) // stride
    first_bin = (cell * _COUNT)[counted]
    roots = []
    for group in groups:
        bins = np.concatenate([first_bin + codes[: height * stride, : width * stride][counted] for codes in group])
        counts = _over_windows(np.bincount(bins, minlength=height * width * _COUNT).reshape(height, width, _COUNT))
        roots.append(np.sqrt(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)))
    return np.concatenate(roots, axis=-1)


def _windows(values: NDArray[np.generic], stride: int) -> Floats:
    """Sums over the windows of 4 x 4 cells of `stride` pixels: H x W to rows x columns."""
    height, width = (side // stride for side in values.shape)
    cells = values[: height * stride, : width * stride].reshape(height, stride, width, stride).sum(axis=(1, 3))
    return _over_windows(cells)


def _over_windows(cells: NDArray[np.generic]) -> Floats:
    """Sums over each 4 x 4 cells, which overlap, along the first two axes."""
    sums = cells.astype(np.float64)
    for axis in (0, 1):
        parts = sliding_window_view(sums, _CELLS, axis=axis)
        sums = sum((parts[..., k] for k in range(1, _CELLS)), parts[..., 0])
    return sums


def _to_pixels(grid: Floats, stride: int, shape: tuple[int, ...]) -> Floats:
    """The windows' values, interpolated linearly between their centres."""
    for axis, length in enumerate(shape):
        place = np.clip((np.arange(length) + 0.5) / stride - _CELLS / 2, 0, grid.shape[axis] - 1)
        before = np.minimum(place.astype(np.intp), max(grid.shape[axis] - 2, 0))
        after = np.minimum(before + 1, grid.shape[axis] - 1)
        weight = np.expand_dims(place - before, 1 - axis)
        grid = (1 - weight) * grid.take(before, axis) + weight * grid.take(after, axis)
    return grid


def _folded() -> NDArray[np.uint8]:
    """For each of the 81 quadruples the number of its pattern."""
    numbers = np.arange(3**NEIGHBOURS)
    digits = numbers[:, None] // 3 ** np.arange(NEIGHBOURS) % 3
    alike = [d @ 3 ** np.arange(NEIGHBOURS) for d in (digits, digits[:, ::-1], 2 - digits, 2 - digits[:, ::-1])]
    return np.unique(np.min(alike, axis=0), return_inverse=True)[1].astype(np.uint8)


_PATTERNS = _folded()
_COUNT = int(_PATTERNS.max()) + 1
_LEAST_ENERGY = 0.1
_LEAST_SPREAD = 1e-6
