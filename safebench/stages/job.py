"""What the stages of one run share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from safebench.config import RunConfig
from safebench.errors import SafebenchError
from safebench.executors import Executor
from safebench.planning import Plan, Sample
from safebench.stages.tasks import Failure, FileRef
from safebench.store import Store
from safebench.watching import Watcher

T = TypeVar("T")


@dataclass
class Job:
    """A run at work.  `unusable` holds the photos and samples whose inputs could not be read."""

    config: RunConfig
    store: Store
    plan: Plan
    watcher: Watcher
    executor: Executor
    batch_size: int
    unusable: dict[str, Failure] = field(default_factory=dict)

    def why_unusable(self, sample: Sample) -> Failure | None:
        """The failure of the sample's photo or mask, if either failed."""
        return self.unusable.get(sample.photo) or self.unusable.get(sample.sample)

    def original(self, sample: Sample) -> FileRef:
        """The evaluated photo: PNG, size x size x 3."""
        return FileRef(self.store.folder / sample.original)

    def hole(self, sample: Sample) -> FileRef:
        """The hole: PNG, size x size, 255 = hole."""
        return FileRef(self.store.folder / sample.mask)

    def fail(self, failure: Failure) -> Failure:
        """Hand a failure on; raises it where the run is strict."""
        if self.config.strict:
            raise SafebenchError(f"{failure.error} (step: {failure.step}; the run is strict)")
        return failure


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Fixed batches: a batch has the same members in every run over the same plan, whatever is left to do, so that
    a resumed run computes each sample in the same company, to the last digit."""
    return (items[k : k + size] for k in range(0, len(items), size))
