"""From a noiseprint to a heat map: what patterns a window holds, and how far that is from the rest of the picture.

Cozzolino and Verdoliva 2020, section IV.A: Splicebuster's way, with one Gaussian for what belongs to the picture and
the same density everywhere for what does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.ndimage import uniform_filter
from scipy.special import expit

Floats = NDArray[np.floating]

EDGES = (-0.54, -0.06, 0.43)
"""Between a noiseprint's four levels: half way between the authors' centres, -0.8, -0.28, 0.16 and 0.7."""
ORDER = 4
"""Neighbours in a pattern."""
STRIDE = 8
WINDOW = 8
"""In strides: 64 pixels."""
BORDER = 2
"""Windows along the picture's edge that are left out."""
COMPONENTS = 32
FEWEST = 50
"""Windows without which nothing is said."""
LEAST_USABLE = 0.95
"""Of a window's pixels."""

_PATTERNS = (len(EDGES) + 1) ** ORDER
_MARGIN = ORDER // 2
_FLAT_SIDE, _FLAT = 5, 0.005
"""A noiseprint of less variance over such a square is none."""
_SATURATED = 253 / 256
_AROUND = 35
"""Side of the square around a flat or saturated pixel in which none counts."""

_OUTLIERS = 0.01
"""Their share at the start."""
_OUTLIER_COST = 42.0
"""Minus the logarithm of the density that they have everywhere."""
_STARTS, _MOST_STEPS, _ENOUGH = 10, 100, 1e-5
_LEAST_COUNT, _LEAST_VARIANCE = 1e-6, 1e-13
"""Of the Gaussian's points, and of them along any axis: keep a mixture finite that has shrunk to one point."""
_LEAST_RATIO = 1e-10
"""Of the last component's variance to the first's: less is rounding."""


@dataclass(frozen=True)
class HeatMap:
    """What the windows say.

    distances: rows x columns, the Mahalanobis distance of each window to the picture's model; the least of all
    where a window has too few usable pixels.  limit: the distance at which a window is as likely an outlier as not.
    first: the pixel, in rows and in columns, at the centre of the first window; the others follow by `STRIDE`.
    """

    distances: Floats
    limit: float
    first: float

    def of_pixels(self, height: int, width: int) -> Floats:
        """distance / (distance + limit), 0.5 at the limit: H x W in [0, 1], each pixel its nearest window's."""
        rows, columns = (
            np.clip(np.rint((np.arange(side) - self.first) / STRIDE), 0, count - 1).astype(np.int64)
            for side, count in zip((height, width), self.distances.shape, strict=True)
        )
        grid: Floats = self.distances / (self.distances + self.limit)
        return grid[rows[:, None], columns]


def heat_map(noiseprint: NDArray[np.float32], luminance: NDArray[np.float32], seed: int) -> HeatMap | None:
    """What the windows of a picture say; None where too few of them have anything to say.

    noiseprint: H x W.  luminance: H x W, levels over 256.
    """
    features, share = _windows(_patterns(noiseprint), usable_pixels(noiseprint, luminance))
    valid = share >= LEAST_USABLE
    if valid.sum() < FEWEST:
        return None
    components = _whitened(features, valid)
    if components is None:
        return None
    mixture = _fit(components[valid], np.random.RandomState(seed))
    distances = np.sqrt(mixture.squares(components.reshape(-1, COMPONENTS)).reshape(valid.shape))
    distances[~valid] = distances[valid].min()
    first = _MARGIN + (STRIDE * WINDOW - 1) / 2 + BORDER * STRIDE
    return HeatMap(distances, mixture.limit(), first)


def usable_pixels(noiseprint: NDArray[np.float32], luminance: NDArray[np.float32]) -> NDArray[np.bool_]:
    """H x W: pixels that are not near the picture's edge, a saturated area, or one where the noiseprint is flat."""
    mean = uniform_filter(noiseprint, _FLAT_SIDE)
    bad = uniform_filter(np.square(noiseprint), _FLAT_SIDE) - np.square(mean) < _FLAT
    bad[[0, -1]] = bad[:, [0, -1]] = True
    y, x = np.mgrid[-3:4, -3:4]
    disc = (x**2 + y**2 <= 9).astype(np.uint8)
    saturated = cv2.morphologyEx((luminance > _SATURATED).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    return cv2.dilate((bad | saturated).astype(np.uint8), np.ones((_AROUND, _AROUND), np.uint8)) == 0


def _patterns(noiseprint: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of the pattern that each pixel's neighbours form, along rows and along columns, without a margin."""
    levels = np.searchsorted(np.array(EDGES, np.float32), noiseprint, side="left")
    powers = (len(EDGES) + 1) ** np.arange(ORDER)
    inner = slice(_MARGIN, -_MARGIN)
    along_rows = sliding_window_view(levels[inner, :-1], ORDER, axis=1) @ powers
    along_columns = sliding_window_view(levels[:-1, inner], ORDER, axis=0) @ powers
    return along_rows, along_columns


def _windows(patterns: tuple[NDArray[np.int64], NDArray[np.int64]], usable: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The square roots of each window's shares of patterns, rows x columns x 512, and the share of usable pixels.

    A window is the mean of its cells of 8 x 8 pixels, each with the shares that its own usable pixels have; as with the
    authors, the sum is divided by the usable pixels, so that a cell with few of them weighs as much as any other.
    """
    counted = usable[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    rows, columns = (side // STRIDE for side in counted.shape)
    counted = counted[: rows * STRIDE, : columns * STRIDE]
    cells = (np.arange(rows * STRIDE) // STRIDE)[:, None] * columns + np.arange(columns * STRIDE) // STRIDE
    pixels = counted.reshape(rows, STRIDE, columns, STRIDE).sum(axis=(1, 3))
    shares = []
    for numbers in patterns:
        bins = (cells * _PATTERNS + numbers[: rows * STRIDE, : columns * STRIDE])[counted]
        counts = np.bincount(bins, minlength=rows * columns * _PATTERNS).reshape(rows, columns, _PATTERNS)
        shares.append(_over_windows(counts / np.maximum(pixels, 1)[:, :, None]))
    share = _over_windows(pixels / STRIDE**2)
    features = np.sqrt(np.concatenate(shares, axis=2) / np.maximum(share, 1e-20)[:, :, None])
    return features, share / WINDOW**2


def _over_windows(cells: Floats) -> Floats:
    """Sums over 8 x 8 cells, without the windows at the edge; empty for a picture that has no others."""
    sums = np.asarray(cells, np.float32)
    for axis in (0, 1):
        if sums.shape[axis] < WINDOW + 2 * BORDER:
            return sums[:0, :0]
        sums = sliding_window_view(sums, WINDOW, axis=axis).sum(axis=-1)
    return sums[BORDER:-BORDER, BORDER:-BORDER]


def _whitened(features: Floats, valid: NDArray[np.bool_]) -> Floats | None:
    """The first principal components of the windows that count, of variance 1; None where there are fewer."""
    variances, axes = np.linalg.eigh(np.cov(features[valid], rowvar=False, bias=True))
    variances, axes = variances[: -COMPONENTS - 1 : -1], axes[:, : -COMPONENTS - 1 : -1]
    if variances[-1] <= _LEAST_RATIO * variances[0]:
        return None
    return features @ (axes / np.sqrt(variances))


@dataclass(frozen=True)
class _OneGaussian:
    """A Gaussian over D dimensions, and outliers of one density everywhere.

    share and outliers: of the points; mean: D; root: D x D, the lower triangular root of the covariance.
    """

    share: float
    outliers: float
    mean: Floats
    root: Floats

    def squares(self, points: Floats) -> Floats:
        """The squared Mahalanobis distance of each point: N x D to N."""
        return np.square(solve_triangular(self.root, (points - self.mean).T, lower=True)).sum(axis=0)

    def limit(self) -> float:
        """The distance at which both are as likely; a tiny one where outliers are likelier everywhere."""
        tiny = float(np.finfo(np.float64).tiny)
        square = 2 * (self._peak() + _OUTLIER_COST - np.log(max(self.outliers, tiny)))
        return float(np.sqrt(max(square, 1e-6)))

    def expected(self, points: Floats) -> tuple[Floats, float]:
        """How likely each point is the Gaussian's, and the mean log-likelihood of all."""
        inside = self._peak() - self.squares(points) / 2
        with np.errstate(divide="ignore"):
            outside = np.log(self.outliers) - _OUTLIER_COST
        return expit(inside - outside), float(np.logaddexp(inside, outside).mean())

    def _peak(self) -> float:
        """The logarithm of the weighted density at the mean."""
        return float(np.log(self.share) - np.log(np.diag(self.root)).sum() - len(self.mean) / 2 * np.log(2 * np.pi))


def _fit(points: Floats, random: np.random.RandomState) -> _OneGaussian:
    """The likeliest mixture by expectation-maximisation, of ten starts, each at a point that is drawn."""
    starts = [points[random.randint(len(points))] for _ in range(_STARTS)]
    return max((_maximised_from(points, start) for start in starts), key=lambda fit: fit[1])[0]


def _maximised_from(points: Floats, start: Floats) -> tuple[_OneGaussian, float]:
    mixture = _OneGaussian(1 - _OUTLIERS, _OUTLIERS, start, np.diag(points.std(axis=0)))
    inside, likelihood = mixture.expected(points)
    for _ in range(_MOST_STEPS):
        before = likelihood
        mixture = _maximised(points, inside)
        inside, likelihood = mixture.expected(points)
        if 0 <= likelihood - before < _ENOUGH * abs(likelihood):
            break
    return mixture, likelihood


def _maximised(points: Floats, inside: Floats) -> _OneGaussian:
    total = max(inside.sum(), _LEAST_COUNT)
    mean = inside @ points / total
    centred = (points - mean) * np.sqrt(inside)[:, None]
    covariance = centred.T @ centred / total
    covariance += _LEAST_VARIANCE * np.eye(len(mean))
    share = float(total / len(points))
    return _OneGaussian(share, max(1 - share, 0.0), mean, cholesky(covariance, lower=True))
