"""How far a hole's statistics lie from those of the known region: what detectors that know no original could see.

Each is a divergence between the two regions of the composite, less the same divergence of the untouched photo with the
same hole.  The photo is the control: it has the same numbers of samples, so the same bias of the estimator, and its own
content differs between the two regions too.  0: the hole is as much like its surroundings as the photo's own content
was.  All are taken from luma, of samples that lie wholly in one of the regions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.metric import Metric

Values = NDArray[np.float64]
Region = NDArray[np.bool_]
Distance = Callable[[Values, Values], float]

_LUMA = np.array([0.299, 0.587, 0.114])
_STEP = 2
"""Residuals are rounded to multiples of so many grey levels, and those beyond one step are taken for one step."""
_IN_A_ROW = 4
_BINS = 3**_IN_A_ROW
_SIDE, _STRIDE = 8, 4
_LEAST_PATCHES = 12
"""With fewer in one of the regions there is no figure."""
_MOST_PATCHES = 256
_FLAT = 1 / 12
"""The variance of rounding to whole grey levels: what a residual of less says is rounding."""
_RIDGE = 0.01


def _excess(evidence: CompositeEvidence, divergence: Callable[[Values, Region, Values], float]) -> float:
    """A divergence of the composite less that of the untouched photo; the third argument is the photo's luma."""
    composite, original = (picture @ _LUMA for picture in (evidence.composite, evidence.true_original))
    return divergence(composite, evidence.hole, original) - divergence(original, evidence.hole, original)


# residuals: co-occurrences -------------------------------------------------------------------------------------------


def _cooccurrence(luma: Values, hole: Region, _: Values) -> float:
    counts = [_histogram(luma, region) for region in (hole, ~hole)]
    return jensen_shannon(*counts) if min(count.sum() for count in counts) >= _BINS else math.nan


def _histogram(luma: Values, region: Region) -> Values:
    """How often each pattern of four neighbouring residuals is there, along rows and along columns together."""
    counts = np.zeros(_BINS)
    for pixels, inside in ((luma, region), (luma.T, region.T)):
        if pixels.shape[1] < _IN_A_ROW + 3:
            continue
        residual = -pixels[:, :-3] + 3 * pixels[:, 1:-2] - 3 * pixels[:, 2:-1] + pixels[:, 3:]
        steps = np.clip(np.rint(residual / _STEP), -1, 1).astype(np.int64) + 1
        patterns = sliding_window_view(steps, _IN_A_ROW, axis=1) @ 3 ** np.arange(_IN_A_ROW)
        whole = sliding_window_view(inside, _IN_A_ROW + 3, axis=1).all(axis=-1)
        counts += np.bincount(patterns[whole], minlength=_BINS)
    return counts


def jensen_shannon(first: Values, second: Values) -> float:
    """The Jensen-Shannon divergence of two histograms (counts) in bits, 0 to 1 (Lin 1991, eq. 4.1), by plugging in
    shares; it is biased upwards where counts are few."""
    p, q = first / first.sum(), second / second.sum()
    return _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2


def _entropy(shares: Values) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log2(positive)).sum())


# features of patches -------------------------------------------------------------------------------------------------


def _of_patches(luma: Values, hole: Region, features: Callable[[Values], Values], distance: Distance) -> float:
    """A distance between the features of the hole's patches and of the others; NaN where there are few of them."""
    samples = [features(_patches(luma, region)) for region in (hole, ~hole)]
    return distance(*samples) if min(map(len, samples)) >= _LEAST_PATCHES else math.nan


def _patches(luma: Values, region: Region) -> Values:
    """The 8 x 8 patches that lie wholly in a region, every fourth pixel one: N x 8 x 8, `_MOST_PATCHES` at most."""
    if min(luma.shape) < _SIDE:
        return np.zeros((0, _SIDE, _SIDE))
    window = (_SIDE, _SIDE)
    whole = sliding_window_view(region, window)[::_STRIDE, ::_STRIDE].all(axis=(2, 3))
    patches: Values = sliding_window_view(luma, window)[::_STRIDE, ::_STRIDE][whole]
    taken = np.linspace(0, max(0, len(patches) - 1), min(len(patches), _MOST_PATCHES)).round().astype(np.int64)
    return patches[taken]


def _energies(patches: Values) -> Values:
    """The logarithms of the mean squares of three residuals: along rows, along columns, and Laplace's; N x 3."""
    rows = np.diff(patches, n=3, axis=2)
    columns = np.diff(patches, n=3, axis=1)
    middle = patches[:, 1:-1, 1:-1]
    ring = patches[:, :-2, 1:-1] + patches[:, 2:, 1:-1] + patches[:, 1:-1, :-2] + patches[:, 1:-1, 2:]
    squares = [np.square(part).mean(axis=(1, 2)) for part in (rows, columns, 4 * middle - ring)]
    return np.log(np.stack(squares, axis=1) + _FLAT)


def bhattacharyya(first: Values, second: Values) -> float:
    """The Bhattacharyya distance of the Gaussians with the means and covariances of two samples, N x d each
    (Kailath 1967, eq. 8); it is biased upwards where samples are few.  0.01 is added to each variance."""
    ridge = _RIDGE * np.eye(first.shape[1])
    one, two = (np.atleast_2d(np.cov(sample, rowvar=False)) + ridge for sample in (first, second))
    between = (one + two) / 2
    shift = first.mean(axis=0) - second.mean(axis=0)
    log_dets = [float(np.linalg.slogdet(matrix)[1]) for matrix in (between, one, two)]
    return float(shift @ np.linalg.solve(between, shift)) / 8 + (log_dets[0] - (log_dets[1] + log_dets[2]) / 2) / 2


def _spectra(patches: Values) -> Values:
    """The logarithms of 1 + the size of each coefficient of a patch's cosine transform, without the mean's; N x 63."""
    from scipy.fft import dctn  # slow to import, and not needed to name metrics

    return np.log1p(np.abs(dctn(patches, axes=(1, 2), norm="ortho"))).reshape(len(patches), _SIDE**2)[:, 1:]


def mmd_squared(first: Values, second: Values, width: float) -> float:
    """The squared maximum mean discrepancy of two samples, N x d each, with a Gaussian kernel of this width: the
    unbiased estimator (Gretton et al. 2012, eq. 3), which may lie below 0."""
    within = []
    for sample in (first, second):
        kernel = np.exp(-_squared_distances(sample, sample) / (2 * width**2))
        within.append((kernel.sum() - np.trace(kernel)) / (len(sample) * (len(sample) - 1)))
    across = np.exp(-_squared_distances(first, second) / (2 * width**2))
    return float(sum(within) - 2 * across.mean())


def _squared_distances(first: Values, second: Values) -> Values:
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1) - 2 * first @ second.T
    return np.maximum(squares, 0)


def _mmd(luma: Values, hole: Region, original: Values) -> float:
    """Its kernel is as wide as the median distance of two patches of the untouched photo, so the same for both."""
    every = _spectra(_patches(original, np.ones_like(hole)))
    apart = _squared_distances(every, every)[np.triu_indices(len(every), 1)]
    width = math.sqrt(float(np.median(apart))) if apart.size else 0.0
    return _of_patches(luma, hole, _spectra, lambda a, b: mmd_squared(a, b, width or 1.0))


def _metric(key: str, name: str, what: str, divergence: Callable[[Values, Region, Values], float]) -> Metric:
    return Metric(
        key=f"domain_gap_{key}",
        name=f"Domain gap, {name}",
        meaning=f"{what} between hole and known region, less that of the untouched photo with the same hole.",
        subject="quality",
        compute=lambda evidence: _excess(evidence, divergence),
        needs=frozenset(("composite", "original", "hole")),
        better="low",
        chance=0.0,
        digits=4,
        undefined="undefined",
        tolerance=1e-6,
        shown=frozenset(("terminal", "report")),
    )


COOCCURRENCE = _metric(
    "cooccurrence",
    "co-occurrences",
    "Jensen-Shannon divergence of the co-occurrences of high-pass residuals",
    _cooccurrence,
)
RESIDUAL = _metric(
    "residual",
    "residual energies",
    "Bhattacharyya distance of Gaussians fitted to the residual energies of patches",
    lambda luma, hole, _: _of_patches(luma, hole, _energies, bhattacharyya),
)
MMD = _metric("mmd", "MMD of spectra", "Squared maximum mean discrepancy of the spectra of patches", _mmd)
DOMAIN_GAPS = (COOCCURRENCE, RESIDUAL, MMD)
