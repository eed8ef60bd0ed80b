"""What the stages of one run share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from safebench.errors import SafebenchError
from safebench.metrics.catalogue import chosen
from safebench.metrics.metric import Metric
from safebench.route.plan import Plan, Sample
from safebench.runs.config import RunConfig
from safebench.runs.failures import in_words
from safebench.runs.schema import Table
from safebench.runs.store import Store
from safebench.work.executor import Executor, Rows
from safebench.work.tasks import Failure, FileRef
from safebench.work.watching import Watcher

T = TypeVar("T")


@dataclass
class Job:
    """A run at work.  `unusable` holds the photos and samples whose inputs could not be read.

    replaceable: whether answers that were made elsewhere take part, so that a picture may have rows of several.
    again: labels of the models whose results are made again, whatever is there of them.
    """

    config: RunConfig
    store: Store
    plan: Plan
    watcher: Watcher
    executor: Executor
    replaceable: bool = False
    again: frozenset[str] = frozenset()
    unusable: dict[str, Failure] = field(default_factory=dict)

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """What is measured."""
        return chosen(self.config.metrics)

    @property
    def batch_size(self) -> int:
        """Images a call."""
        return self.executor.batch_size if self.config.batch_size == "auto" else self.config.batch_size

    def why_unusable(self, sample: Sample) -> Failure | None:
        """The failure of the sample's photo or mask, if either failed."""
        return self.unusable.get(sample.photo) or self.unusable.get(sample.sample)

    def original(self, sample: Sample) -> FileRef:
        """The evaluated photo: PNG, size x size x 3; of pictures that are given, the authentic file as it is."""
        return FileRef(self.store.folder / sample.original)

    def hole(self, sample: Sample) -> FileRef:
        """The hole: PNG, size x size, 255 = hole."""
        return FileRef(self.store.folder / sample.mask)

    def save(self, table: Table, model: str, rows: Iterable[Rows], steps: Set[str]) -> None:
        """Store a link's rows as they come; says where its model failed on all that it was given, and why most often.

        steps: of the failures that the link answers for.
        """
        own = [
            row["error"]
            for batch in rows
            for row in self._stored(table, batch)
            if not row["error"] or row["error_step"] in steps
        ]
        if own and all(own):
            self.watcher.note(f"{model}: failed on all {len(own)} images: {in_words(own)}")

    def _stored(self, table: Table, rows: Rows) -> Rows:
        self.store.append(table, rows)
        self.watcher.advance(len(rows))
        return rows

    def fail(self, failure: Failure) -> Failure:
        """Hand a failure on; raises it where the run is strict."""
        if self.config.strict:
            raise SafebenchError(f"{failure.error} (step: {failure.step}; the run is strict)")
        return failure


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Fixed batches: a batch has the same members in every run over the same plan, whatever is left to do, so that
    a resumed run computes each sample in the same company, to the last digit."""
    return (items[k : k + size] for k in range(0, len(items), size))
