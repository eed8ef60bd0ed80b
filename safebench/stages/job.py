"""What the stages of one run share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from safebench.config import RunConfig
from safebench.errors import SafebenchError
from safebench.images import read_mask, read_photo
from safebench.planning import Plan, Sample
from safebench.store import Store
from safebench.watching import Watcher

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Failure:
    """Why a sample has no result, and in which step that was seen: read, mask, inpaint, quality or detect."""

    step: str
    error: str


@dataclass
class Job:
    """A run at work.  `unusable` holds the photos and samples whose inputs could not be read."""

    config: RunConfig
    store: Store
    plan: Plan
    watcher: Watcher
    unusable: dict[str, Failure] = field(default_factory=dict)

    def why_unusable(self, sample: Sample) -> Failure | None:
        """The failure of the sample's photo or mask, if either failed."""
        return self.unusable.get(sample.photo) or self.unusable.get(sample.sample)

    def original(self, sample: Sample) -> NDArray[np.uint8]:
        """The evaluated photo, size x size x 3."""
        return read_photo(self.store.folder / sample.original)

    def hole(self, sample: Sample) -> NDArray[np.bool_]:
        """The hole, size x size, True = hole."""
        return read_mask(self.store.folder / sample.mask)

    def fail(self, failure: Failure) -> Failure:
        """Hand a failure on; raises it where the run is strict."""
        if self.config.strict:
            raise SafebenchError(f"{failure.error} (step: {failure.step}; the run is strict)")
        return failure


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Fixed batches: a batch has the same members in every run over the same plan, whatever is left to do, so that
    a resumed run computes each sample in the same company, to the last digit."""
    return (items[k : k + size] for k in range(0, len(items), size))


def each_or_failure(step: str, items: Sequence[T], together: Callable[[Sequence[T]], Sequence[R]]) -> list[R | Failure]:
    """`together(items)`; where that fails, each item alone, so that one bad sample costs no other."""
    if not items:
        return []
    try:
        return list(together(items))
    except Exception as error:  # a model may raise anything
        if len(items) == 1:
            return [Failure(step, sentence(error))]
    return [result for item in items for result in each_or_failure(step, [item], together)]


def sentence(error: Exception) -> str:
    """An exception as one line."""
    if isinstance(error, SafebenchError):
        return str(error)
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
