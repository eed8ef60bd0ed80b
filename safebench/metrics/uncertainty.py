"""How sure a figure is: bootstrap and sign flips over source photos (docs/protocol.md, section 6).

The masks of one photo are not independent, so photos are drawn, never images.  A resample is a column of weights:
how often each photo was drawn.  `photos` is always an array that says for each image which photo it was made from,
by name or number.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.thresholds import FALSE_ALARMS_PER

Values = NDArray[np.float64]
Photos = NDArray[Any]
Numbers = NDArray[np.intp]

RESAMPLES = 1000
SIGN_FLIPS = 9999
SEED = 2024
PERCENTILES = (2.5, 97.5)
BLOCK = 1 << 17
"""Weights that are held at once, so that they stay in the processor's cache whatever the number of photos."""


class Interval(NamedTuple):
    """A 95% interval; both ends are NaN where fewer than two photos have such a figure."""

    low: float
    high: float


UNDEFINED = Interval(math.nan, math.nan)


class Difference(NamedTuple):
    """A paired difference, its 95% interval, and the chance `p` of one as large if the two were the same."""

    difference: float
    low: float
    high: float
    p: float


class Statistic(ABC):
    """Figures that can be computed anew from the weights of a set of photos.

    `photos`: how many there are to draw from; `spread`: for each figure, how many of them bear on it.
    """

    photos: int
    spread: Numbers

    @abstractmethod
    def resampled(self, weights: Values) -> Values:
        """The figures for each resample, K x R; `weights` is photos x R, the photos in the order of their names."""


class Means(Statistic):
    """Means of the columns of `values` (float64 N x K; NaN or infinite where an image has no such figure).

    A resample's mean is that of the images of the photos drawn, each counted as often as its photo was.
    """

    def __init__(self, values: Values, photos: Photos) -> None:
        names, photo = np.unique(photos, return_inverse=True)
        known = np.isfinite(values)
        self.photos = names.size
        self._sums = _per_photo(np.where(known, values, 0), photo, names.size)
        counts = _per_photo(known.astype(np.float64), photo, names.size)
        # most columns are known for the same images, so that one row of counts serves them all
        distinct = {row.tobytes(): k for k, row in enumerate(counts)}
        self._counts = counts[list(distinct.values())]
        self._count_of = [list(distinct).index(row.tobytes()) for row in counts]
        self.spread = np.count_nonzero(counts, axis=1)

    def resampled(self, weights: Values) -> Values:
        """The columns' means for each resample, K x R."""
        sums = np.einsum("kp,pr->kr", self._sums, weights)
        counts = np.einsum("kp,pr->kr", self._counts, weights)
        return _ratio(sums, counts[self._count_of])


class Controls:
    """Scores of untouched originals (float64 M), that inpainted images of the same photos are set against."""

    def __init__(self, scores: Values, photos: Photos) -> None:
        order = np.argsort(scores, kind="stable")
        self.scores = scores[order]
        self.photos = photos[order]
        self._last: tuple[Values, Values, Numbers] | None = None

    def ranked(self, weights: Values, photo: Numbers) -> tuple[Values, Numbers]:
        """What all contrasts with these originals need of a block of weights; computed once for each block.

        First, (M + 1) x R, the weight of the originals before the i-th.  Second, R, the place of the original just
        above which the threshold of at most 5% false alarms lies: the highest one that must be spared, since those
        from it on weigh more than that.
        """
        if self._last is None or self._last[0] is not weights:
            before = np.zeros((photo.size + 1, weights.shape[1]))
            np.cumsum(weights[photo], axis=0, out=before[1:])
            too_many = FALSE_ALARMS_PER * (before[-1] - before[:-1]) > before[-1]
            self._last = weights, before, np.count_nonzero(too_many, axis=0) - 1
        return self._last[1:]


class Contrast(Statistic):
    """Image-level AUC, and detection rate at 5% false alarms, of inpainted images (float64 N) against originals.

    The images and originals of one photo are drawn together; the threshold is found anew in each resample.
    """

    def __init__(self, inpainted: Values, photos: Photos, controls: Controls) -> None:
        names = np.union1d(photos, controls.photos)
        self.photos = names.size
        self.spread = np.repeat(min(np.unique(photos).size, np.unique(controls.photos).size), 2)
        self._controls = controls
        self._control_photo = np.searchsorted(names, controls.photos)
        photo = np.searchsorted(names, photos)
        shape = (controls.scores.size + 1, names.size)
        self._below = _counted(np.searchsorted(controls.scores, inpainted, side="left"), photo, shape)
        self._upto = _counted(np.searchsorted(controls.scores, inpainted, side="right"), photo, shape)

    def resampled(self, weights: Values) -> Values:
        """The two figures for each resample, 2 x R."""
        before, spared = self._controls.ranked(weights, self._control_photo)
        # row q: weight of the images that have q originals below them, and below or equal to them
        below, upto = self._below @ weights, self._upto @ weights
        wins = np.einsum("qr,qr->r", below + upto, before) / 2
        images, originals = below.sum(axis=0), before[-1]
        detected = np.where(originals > 0, _weight_above(below, spared), math.nan)
        return np.stack([_ratio(wins, images * originals), _ratio(detected, images)])


def _counted(places: Numbers, photo: Numbers, shape: tuple[int, int]) -> Any:
    """How many images of each photo (columns) lie at each place among the originals (rows), as a sparse matrix."""
    from scipy.sparse import csr_array  # slow to import, and not needed to name metrics

    return csr_array((np.ones(places.size), (places, photo)), shape=shape)


def _weight_above(below: Values, spared: Numbers) -> Values:
    """Weight of the images that lie above the original at place `spared`, for each resample."""
    # from the last such place on all do, before the first none
    low, high = int(spared.min()) + 1, int(spared.max()) + 1
    some = np.arange(low, high)[:, None] > spared
    return below[high:].sum(axis=0) + (below[low:high] * some).sum(axis=0)


def intervals(statistics: Sequence[Statistic]) -> list[list[Interval]]:
    """The 95% percentile intervals of each statistic's figures.

    Statistics over equally many photos see the same resamples, so that they are drawn once for all of them.
    """
    by_photos: dict[int, list[int]] = defaultdict(list)
    for index, statistic in enumerate(statistics):
        if statistic.spread.max() > 1:
            by_photos[statistic.photos].append(index)
    ends = [[UNDEFINED] * statistic.spread.size for statistic in statistics]
    for photos, indices in by_photos.items():
        blocks: dict[int, list[Values]] = {index: [] for index in indices}
        for weights in resamples(photos):
            for index in indices:
                blocks[index].append(statistics[index].resampled(weights))
        for index in indices:
            resampled = np.concatenate(blocks[index], axis=1)
            ends[index] = [_interval(*pair) for pair in zip(resampled, statistics[index].spread, strict=True)]
    return ends


def smallest_p(photos: int) -> float:
    """The smallest p-value that sign flips can give where so many photos tell two models apart.

    All signs as seen, or all turned, are 2 of 2^photos flips; and 9,999 random ones give at least 1 in 10,000.
    """
    return max(2.0 ** (1 - photos), 1 / (SIGN_FLIPS + 1)) if photos else 1.0


def paired_difference(a: Values, b: Values, photos: Photos) -> Difference:
    """Mean of a - b over images that both have (finite float64 N each), with interval and sign-flip p-value.

    Under the null hypothesis a photo's differences are as likely with the other sign, all of a photo's together:
    p = (flips at least as far from 0 as what was seen + 1) / (flips + 1), two-sided, over 9,999 random flips.
    All NaN where there is no image.
    """
    return paired_differences([(a - b, photos)])[0]


def paired_differences(samples: Sequence[tuple[Values, Photos]]) -> list[Difference]:
    """`paired_difference` of many sets of differences at once, each with the photos of its images."""
    bounds = intervals([Means(differences[:, None], photos) for differences, photos in samples])
    sums = [sums_by_photo(differences, photos) for differences, photos in samples]
    found = [Difference(math.nan, math.nan, math.nan, math.nan)] * len(samples)
    for photos in {of_sample.size for of_sample in sums} - {0}:
        indices = [index for index, of_sample in enumerate(sums) if of_sample.size == photos]
        for index, p in zip(indices, _flip_chances(np.stack([sums[index] for index in indices])), strict=True):
            found[index] = Difference(float(samples[index][0].mean()), *bounds[index][0], p)
    return found


def _flip_chances(sums: Values) -> list[float]:
    """The p-value of each row of sums by photo, K x photos; all rows see the same flips."""
    # a flip that equals what was seen has to count, whatever its sum rounds to
    far = np.abs(sums.sum(axis=1)) - 1e-12 * np.abs(sums).sum(axis=1)
    extreme = np.zeros(far.size, dtype=np.intp)
    for signs in flips(sums.shape[1]):
        flipped = np.einsum("kp,pr->kr", sums, signs)
        extreme += np.count_nonzero(np.abs(flipped) >= far[:, None], axis=1)
    return ((extreme + 1) / (SIGN_FLIPS + 1)).tolist()


def sums_by_photo(values: Values, photos: Photos) -> Values:
    """The sum of the images of each photo, the photos in the order of their names."""
    names, photo = np.unique(photos, return_inverse=True)
    (sums,) = _per_photo(values[:, None], photo, names.size)
    return sums


def _per_photo(values: Values, photo: Numbers, photos: int) -> Values:
    """Sums of each column over the images of each photo, K x photos."""
    return np.stack([np.bincount(photo, weights=column, minlength=photos) for column in values.T])


def _ratio(sums: Values, counts: Values) -> Values:
    """NaN where a resample holds nothing of the kind."""
    return np.divide(sums, counts, out=np.full(sums.shape, math.nan), where=counts > 0)


def _interval(resampled: Values, spread: int) -> Interval:
    if spread < 2:
        return UNDEFINED
    low, high = np.nanpercentile(resampled, PERCENTILES)
    return Interval(float(low), float(high))


def resamples(photos: int) -> Iterator[Values]:
    """The weights of all resamples, photos x R, a block of resamples at a time; each draws as many as there are."""
    if photos * RESAMPLES > BLOCK:
        yield from _drawn(photos)
    else:
        yield _drawn_at_once(photos)


@lru_cache(maxsize=16)
def _drawn_at_once(photos: int) -> Values:
    """The one block that few photos take, which all tables of a report draw anew otherwise; not to be written to."""
    [weights] = _drawn(photos)
    weights.flags.writeable = False
    return weights


def _drawn(photos: int) -> Iterator[Values]:
    generator = np.random.default_rng([SEED, photos])
    for size in _block_sizes(RESAMPLES, photos):
        draws = (np.bincount(generator.integers(photos, size=photos), minlength=photos) for _ in range(size))
        yield np.stack(list(draws), axis=1).astype(np.float64, order="C")


def flips(photos: int) -> Iterator[Values]:
    """Signs, +1 or -1, photos x R, a block of flips at a time."""
    generator = np.random.default_rng([SEED, photos])
    for size in _block_sizes(SIGN_FLIPS, photos):
        yield np.where(generator.integers(2, size=(photos, size), dtype=np.bool_), 1.0, -1.0)


def _block_sizes(total: int, photos: int) -> Iterator[int]:
    step = max(16, BLOCK // photos)
    for start in range(0, total, step):
        yield min(step, total - start)
