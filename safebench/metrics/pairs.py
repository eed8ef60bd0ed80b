"""Paired differences of every two of many models on the same samples (docs/protocol.md, section 6).

A resample's mean of a - b is the difference of the two means where both have the same images, and a sign flip's sum
likewise.  So each model is resampled and flipped once, whatever the number of pairs; the draws are those of
`safebench.metrics.uncertainty`, and so are the figures.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.uncertainty import (
    PERCENTILES,
    SIGN_FLIPS,
    Difference,
    Photos,
    Values,
    flips,
    paired_differences,
    resamples,
    sums_by_photo,
)

Pair = tuple[int, int]


def all_pairs(values: Values, photos: Photos) -> dict[Pair, tuple[int, Difference]]:
    """For each two columns a < b: how many images both have, and `paired_difference` of a - b over those.

    values: float64 N x K, one row an image, one column a model; NaN or infinite where an image has no such figure.
    photos: which photo each image was made from, N.
    """
    known = np.isfinite(values)
    whole = [k for k in range(values.shape[1]) if known[:, k].all()] if len(values) else []
    found = _complete(values[:, whole], photos, whole)
    for a, b in combinations(range(values.shape[1]), 2):
        if (a, b) not in found:
            both = known[:, a] & known[:, b]
            [difference] = paired_differences([(values[both, a] - values[both, b], photos[both])])
            found[a, b] = int(both.sum()), difference
    return found


def _complete(values: Values, photos: Photos, columns: list[int]) -> dict[Pair, tuple[int, Difference]]:
    """The pairs of columns that have all images."""
    if len(columns) < 2:
        return {}
    sums = np.stack([sums_by_photo(column, photos) for column in values.T])
    counts = sums_by_photo(np.ones(len(values)), photos)
    first, second = np.triu_indices(len(columns), k=1)
    low, high = _ends(sums, counts, first, second)
    chances = _chances(sums, first, second)
    means = values.mean(axis=0)
    return {
        (columns[a], columns[b]): (len(values), Difference(float(means[a] - means[b]), low[k], high[k], chances[k]))
        for k, (a, b) in enumerate(zip(first, second, strict=True))
    }


def _ends(
    sums: Values, counts: Values, first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[list[float], list[float]]:
    """Both ends of each pair's interval; NaN where there is one photo."""
    if counts.size < 2:
        nothing = [float("nan")] * first.size
        return nothing, nothing
    blocks = [(sums @ weights) / (counts @ weights) for weights in resamples(counts.size)]
    means = np.concatenate(blocks, axis=1)
    low, high = np.percentile(means[first] - means[second], PERCENTILES, axis=1)
    return low.tolist(), high.tolist()


def _chances(sums: Values, first: NDArray[np.intp], second: NDArray[np.intp]) -> list[float]:
    """The sign-flip p-value of each pair."""
    differences = sums[first] - sums[second]
    # a flip that equals what was seen has to count, whatever its sum rounds to
    slack = 1e-12 * (np.abs(sums[first]) + np.abs(sums[second])).sum(axis=1)
    far = np.abs(differences.sum(axis=1)) - slack
    extreme = np.zeros(first.size, dtype=np.intp)
    for signs in flips(sums.shape[1]):
        flipped = sums @ signs
        extreme += np.count_nonzero(np.abs(flipped[first] - flipped[second]) >= far[:, None], axis=1)
    return ((extreme + 1) / (SIGN_FLIPS + 1)).tolist()
