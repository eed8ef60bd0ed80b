"""What metrics are computed from: a composite with its original, a detector's answer, or a cell's pictures together.

What several metrics need is computed once: one evidence serves them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ModelError
from safebench.metrics.ranks import Counts, counts_below
from safebench.metrics.uncertainty import Contrast, Controls, Photos, Values
from safebench.protocol import THRESHOLD


@dataclass(frozen=True)
class CompositeEvidence:
    """A composite and its original (uint8 H x W x 3), and the hole (bool H x W, True = hole).

    original: None for a picture whose original nobody has; then no metric has what it needs.
    networks: those at hand by name, such as `lpips`.  Raises ValueError where the shapes differ.
    """

    composite: NDArray[np.uint8]
    original: NDArray[np.uint8] | None
    hole: NDArray[np.bool_]
    networks: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        original = self.composite if self.original is None else self.original
        shapes = self.composite.shape, original.shape, self.hole.shape
        if shapes[0] != shapes[1] or shapes[0][:2] != shapes[2]:
            raise ValueError(f"shapes differ: composite {shapes[0]}, original {shapes[1]}, hole {shapes[2]}")

    @property
    def held(self) -> frozenset[str]:
        """What there is: the pictures and the networks."""
        return frozenset(("composite", *(() if self.original is None else ("original",)), "hole", *self.networks))

    @property
    def true_original(self) -> NDArray[np.uint8]:
        """The original of a picture that has one; raises ValueError where nobody has it."""
        if self.original is None:
            raise ValueError("the picture's original is not at hand")
        return self.original

    @cached_property
    def difference(self) -> NDArray[np.int64]:
        """Composite minus original."""
        return self.composite.astype(np.int64) - self.true_original

    @cached_property
    def difference_in_hole(self) -> NDArray[np.int64]:
        """The same of the hole's pixels alone, N x 3."""
        return self.difference[self.hole]


class Confusion(NamedTuple):
    """Pixels by what they are and what the map calls them at 0.5."""

    tp: int
    fp: int
    fn: int
    tn: int


@dataclass(frozen=True)
class MapEvidence:
    """What a detector said of a picture: its map (float H x W in [0, 1]) and its score in [0, 1].

    hole: bool H x W, True = hole; None for an untouched original.
    Raises ModelError where the map is not of the hole's size, holds NaN, or leaves [0, 1]: it is never clipped.
    Raises TypeError for a hole that is not boolean.
    """

    map: NDArray[np.floating[Any]]
    hole: NDArray[np.bool_] | None = None
    score: float = float("nan")

    def __post_init__(self) -> None:
        if self.hole is not None and self.hole.dtype != np.bool_:
            raise TypeError(f"the mask is {self.hole.dtype}, not bool")
        if self.hole is not None and self.map.shape != self.hole.shape:
            raise ModelError(f"the localisation map has the shape {self.map.shape}, its image has {self.hole.shape}")
        low, high = self.map.min(), self.map.max()
        if not (low >= 0 and high <= 1):  # NaN compares false
            raise ModelError(f"the localisation map leaves [0, 1]: its values run from {low:.6g} to {high:.6g}")

    @property
    def held(self) -> frozenset[str]:
        """What there is: map and score, and the hole of a picture that has one."""
        return frozenset(("map", "score") if self.hole is None else ("map", "score", "hole"))

    @property
    def true_hole(self) -> NDArray[np.bool_]:
        """The hole of a picture that has one; raises ValueError for an original."""
        if self.hole is None:
            raise ValueError("an untouched original has no hole to be found")
        return self.hole

    @cached_property
    def ranks(self) -> tuple[Counts, Counts]:
        """How many pixels of the hole, and how many others, lie below each distinct value of the map; last, of all."""
        return counts_below(self.map, self.true_hole)

    @cached_property
    def confusion(self) -> Confusion:
        """The map's pixels of at least 0.5 against the hole's."""
        called = self.map >= THRESHOLD
        tp = int(np.count_nonzero(called & self.true_hole))
        fp = int(np.count_nonzero(called)) - tp
        fn = int(np.count_nonzero(self.true_hole)) - tp
        return Confusion(tp, fp, fn, called.size - tp - fp - fn)


class StoredFeature(Protocol):
    """A feature of a cell's pictures, read from files one by one, so that memory does not grow with the cell."""

    def of_pictures(self) -> Iterator[NDArray[Any]]:
        """Of each picture, in the cell's order."""

    def of_originals(self) -> Iterator[NDArray[Any]]:
        """Of the original of each photo that the cell's pictures were made from, in the order of the photos."""

    @property
    def total(self) -> NDArray[Any]:
        """The sum over the pictures."""


@dataclass(frozen=True, eq=False)
class CellEvidence:
    """The pictures of a cell together, with what the same detector said of the untouched originals.

    scores: float64 N, one a picture, NaN where no detector is asked; photos: which photo each was made from.
    controls: the originals' scores in ascending order, with their photos; none where none were looked at.
    features: what the pictures left behind, by name, where all of them did.
    """

    scores: Values
    photos: Photos
    controls: Controls
    features: Mapping[str, StoredFeature] = field(default_factory=dict)

    @property
    def held(self) -> frozenset[str]:
        """What there is."""
        return frozenset(("scores", "controls", *self.features))

    @cached_property
    def contrast(self) -> Contrast:
        """The pictures set against the originals, photo by photo: what figures of both are resampled by."""
        return Contrast(self.scores, self.photos, self.controls)
