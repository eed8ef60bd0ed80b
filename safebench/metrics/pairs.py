"""Paired differences of every two of many models on the same samples (docs/protocol.md, section 6).

A resample's mean of a - b is the difference of the two means where both have the same images, and a sign flip's sum
likewise.  So each model is resampled and flipped once, whatever the number of pairs, and all sets of samples over
equally many photos see the same draws, those of `safebench.metrics.uncertainty`: so the figures are its figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.uncertainty import (
    PERCENTILES,
    SIGN_FLIPS,
    Difference,
    Numbers,
    Photos,
    Values,
    flips,
    paired_differences,
    resamples,
    smallest_p,
    sums_by_photo,
)


class Compared(NamedTuple):
    """Two models on the images that both have: how many images, the mean of a - b, how many photos the images are of,
    and the smallest p-value that those photos allow which tell the two apart."""

    images: int
    difference: Difference
    photos: int
    smallest_p: float


Pairs = dict[tuple[int, int], Compared]


def all_pairs(sets: Sequence[tuple[Values, Photos]]) -> list[Pairs]:
    """For each set, for each two columns a < b: what both have, and `paired_difference` of a - b there.

    A set is values (float64 N x K, one row an image, one column a model; NaN or infinite where an image has no such
    figure), and which photo each image was made from (N).
    """
    whole = [_Whole(values, photos) for values, photos in sets]
    by_photos: dict[int, list[_Whole]] = defaultdict(list)
    for whole_set in whole:
        if whole_set.columns.size > 1:
            by_photos[whole_set.counts.size].append(whole_set)
    for photos, together in by_photos.items():
        _resample(photos, together)
    return [_finished(whole_set, *drawn) for whole_set, drawn in zip(whole, sets, strict=True)]


def photos_of_pairs(a: Values, b: Values, photos: Photos) -> tuple[int, float]:
    """How many photos the images of two models (finite float64 N each) are of, and the smallest p-value that those
    allow which tell the two apart: only such a photo can flip.
    """
    return _telling_apart(sums_by_photo(a - b, photos), np.abs([a, b]).max(initial=0))


def _telling_apart(sums: Values, largest: float) -> tuple[int, float]:
    """The same of the sums by photo of a - b; `largest` of the figures says how far sums may be off by rounding."""
    return sums.size, smallest_p(int(np.count_nonzero(np.abs(sums) > 1e-12 * largest)))


class _Whole:
    """The columns of one set that have all images: sums by photo, the pairs among them, and what is found of each."""

    def __init__(self, values: Values, photos: Photos) -> None:
        known = np.isfinite(values)
        self.columns = np.flatnonzero(known.all(axis=0)) if len(values) else np.empty(0, np.intp)
        self.values = values[:, self.columns]
        self.images = len(values)
        self.counts = sums_by_photo(np.ones(self.images), photos)
        self.sums = np.array([sums_by_photo(column, photos) for column in self.values.T])
        self.first, self.second = np.triu_indices(self.columns.size, k=1)
        self.extreme = np.zeros(self.first.size, dtype=np.intp)
        self.low = self.high = np.full(self.first.size, np.nan)
        if self.columns.size:
            # a flip that equals what was seen has to count, whatever its sum rounds to
            size = np.abs(self.sums).sum(axis=1)
            total = self.sums.sum(axis=1)
            far = np.abs(total[self.first] - total[self.second])
            self.far = far - 1e-12 * (size[self.first] + size[self.second])

    def pairs(self) -> Pairs:
        """What was found."""
        means = self.values.mean(axis=0)
        largest = np.abs(self.values).max(axis=0, initial=0)
        chances = (self.extreme + 1) / (SIGN_FLIPS + 1)
        return {
            (int(self.columns[a]), int(self.columns[b])): Compared(
                self.images,
                Difference(float(means[a] - means[b]), float(self.low[k]), float(self.high[k]), float(chances[k])),
                *_telling_apart(self.sums[a] - self.sums[b], max(largest[a], largest[b])),
            )
            for k, (a, b) in enumerate(zip(self.first, self.second, strict=True))
        }


def _resample(photos: int, together: Sequence[_Whole]) -> None:
    """Resample and flip sets over equally many photos; each keeps its intervals and its count of extreme flips."""
    sums = np.concatenate([one.sums for one in together])
    ends = np.cumsum([one.columns.size for one in together])
    parts = [slice(end - one.columns.size, end) for one, end in zip(together, ends, strict=True)]
    if photos > 1:
        drawn = list(resamples(photos))
        means = np.concatenate([sums @ weights for weights in drawn], axis=1)
        for one, part in zip(together, parts, strict=True):
            counts = np.concatenate([one.counts @ weights for weights in drawn])
            one.low, one.high = _ends(means[part] / counts, one.first, one.second)
    for signs in flips(photos):
        flipped = sums @ signs
        for one, part in zip(together, parts, strict=True):
            own = flipped[part]
            one.extreme += np.count_nonzero(np.abs(own[one.first] - own[one.second]) >= one.far[:, None], axis=1)


def _ends(means: Values, first: Numbers, second: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.percentile(means[first] - means[second], PERCENTILES, axis=1)
    return low, high


def _finished(one: _Whole, values: Values, photos: Photos) -> Pairs:
    """All pairs of a set; those of columns that lack images are compared one by one."""
    found = one.pairs() if one.columns.size > 1 else {}
    known = np.isfinite(values)
    for a, b in combinations(range(values.shape[1]), 2):
        if (a, b) not in found:
            both = known[:, a] & known[:, b]
            first, second, of = values[both, a], values[both, b], photos[both]
            [difference] = paired_differences([(first - second, of)])
            found[a, b] = Compared(int(both.sum()), difference, *photos_of_pairs(first, second, of))
    return found
