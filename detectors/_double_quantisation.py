"""How quantised coefficients are distributed that were compressed once, and twice (Bianchi, De Rosa, Piva 2011)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import ndtr

Values = NDArray[np.floating[Any]]

NOISE = 0.6
"""Deviation of a coefficient by the rounding of pixels between the two compressions, in levels."""
LEAST_GAIN = 0.03
"""Of the logarithm of the likelihood, a block: less is no trace of another compression."""
LEAST_IN_ALL = 40.0
"""Of it, of all blocks together: so much chance may give the likeliest of all steps, however few the blocks are."""
LARGEST_STEP = 64
"""Of the first compression; larger ones leave no coefficient but zero."""
BACKGROUND = 1e-3
"""Share of the coefficients that may have any value, whatever the model says: nothing is impossible."""
ROUNDS = 30
"""Of expectation-maximisation."""
WINDOW = 3
"""Blocks along the side of the square whose evidence is averaged."""
LEAST_USABLE = 0.5 / WINDOW**2
"""Share of the blocks around one that have to count: half a block, so any."""
NOTHING = -np.inf
"""The evidence of a block that has none around it that counts."""


@dataclass(frozen=True)
class Fit:
    """What a frequency's histogram says.

    step: the first compression's.  single: the share of the blocks that were compressed once.  gain: how much likelier
    (natural logarithm) the histogram is than if all were.  ratio: log(P(value | once) / P(value | twice)) of each value
    from -reach to reach, 2 * reach + 1.
    """

    step: int
    single: float
    gain: float
    ratio: Values
    reach: int

    def is_trace_in(self, blocks: int) -> bool:
        """Whether the histogram of so many blocks shows another compression."""
        return self.gain > max(LEAST_GAIN * blocks, LEAST_IN_ALL)

    def of(self, quantised: NDArray[np.int64]) -> Values:
        """The logarithm of the likelihood ratio of each coefficient."""
        return self.ratio[np.clip(quantised, -self.reach, self.reach) + self.reach]


def fit(
    quantised: NDArray[np.int64],
    unquantised: Values,
    step: int,
    firsts: Iterable[int] = range(2, LARGEST_STEP + 1),
    noise: float = NOISE,
) -> Fit:
    """The first step, of `firsts`, that explains a frequency's coefficients best, beside the second one, `step`.

    quantised: those of the file, in steps.  unquantised: what such coefficients are before any compression on this
    grid, in levels; those of blocks half a block away serve as such (the paper's calibration).  noise:
    the deviation of a coefficient between both compressions, in levels.
    """
    reach = max(1, int(np.abs(quantised).max()))
    counts = np.bincount(quantised.ravel() + reach, minlength=2 * reach + 1).astype(float)
    edges = step * (np.arange(-reach, reach + 2) - 0.5)
    ordered = np.sort(unquantised, axis=None)
    once = _with_background(_quantised(ordered, 1, edges, NOISE))
    alone = counts @ np.log(once)
    best = Fit(step, 1.0, 0.0, np.zeros_like(once), reach)
    for first in firsts:
        twice = _with_background(_quantised(ordered, first, edges, noise))
        single = _share(counts, once, twice)
        gain = counts @ np.log(single * once + (1 - single) * twice) - alone
        if gain > best.gain:
            best = Fit(first, single, float(gain), np.log(once / twice), reach)
    return best


def mean_around(evidence: NDArray[np.float64], usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean evidence of the blocks around each that are usable; `NOTHING` where none is."""
    weight = uniform_filter(usable.astype(float), WINDOW)
    mean = uniform_filter(np.where(usable, evidence, 0.0), WINDOW) / np.maximum(weight, np.finfo(float).eps)
    return np.where(weight > LEAST_USABLE, mean, NOTHING)


def _quantised(ordered: Values, first: int, edges: Values, noise: float) -> Values:
    """The probability of each value: rounded to multiples of the first step, Gaussian noise, rounded again."""
    outermost = int(np.ceil(max(abs(ordered[0]), abs(ordered[-1])) / first))
    multiples = np.arange(-outermost, outermost + 1)
    shares = np.diff(_below(ordered, first * np.arange(-outermost - 0.5, outermost + 1)))
    used = shares > 0
    reached = ndtr((edges[:, None] - first * multiples[used]) / noise)
    return np.diff(reached, axis=0) @ shares[used]


def _share(counts: Values, once: Values, twice: Values) -> float:
    """The most likely share of values compressed once, by expectation-maximisation."""
    share, total = 0.5, counts.sum()
    for _ in range(ROUNDS):
        ones = share * once
        share = float(counts @ (ones / (ones + (1 - share) * twice)) / total)
    return share


def _below(ordered: Values, edges: Values) -> Values:
    """The share of values below each edge."""
    return np.searchsorted(ordered, edges) / ordered.size


def _with_background(probabilities: Values) -> Values:
    return (1 - BACKGROUND) * probabilities / max(probabilities.sum(), 1e-9) + BACKGROUND / probabilities.size
