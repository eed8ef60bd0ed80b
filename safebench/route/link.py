"""A link of the chain: one model over all its subjects, of which only what is missing is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from safebench.models.specs import ModelSpec
from safebench.route.job import Job, batches
from safebench.runs.schema import Table
from safebench.work.executor import Rows
from safebench.work.tasks import Failure, Item, Result, Task, Worker

S = TypeVar("S")


class Link(ABC, Generic[S]):
    """One model at work on its subjects (samples to fill, pictures to look at), batch by batch.

    What links have in common lies here: which batches have anything left to do, how they go to the executor, how their
    rows are stored.  A subclass says what a subject's key, item and row are; its worker does the work.

    groups: sequences of subjects.  No batch holds subjects of two groups, so that a group added later leaves the
    batches of the others as they were.
    done: the keys of the stored rows that went well, with the path of the file that each has kept, or "".
    """

    title: ClassVar[str]
    table: ClassVar[Table]
    own_steps: ClassVar[frozenset[str]]
    """The steps of failures that this link answers for; a row with another one failed before it."""

    def __init__(self, job: Job, spec: ModelSpec, worker: Worker) -> None:
        self.job = job
        self.spec = spec
        self.worker = worker

    @abstractmethod
    def key(self, subject: S) -> str:
        """Of all that the subject's row depends on."""

    @abstractmethod
    def failure(self, subject: S) -> Failure | None:
        """Why there is nothing to be done, since an earlier link failed."""

    @abstractmethod
    def name(self, subject: S) -> str:
        """What the subject is called in its rows; no other of its group is called so."""

    @abstractmethod
    def item(self, subject: S) -> Item:
        """What the worker is given."""

    @abstractmethod
    def row(self, subject: S, result: Result) -> dict[str, Any]:
        """The row of a result; writes the result's files."""

    @abstractmethod
    def kept(self, subject: S, file: str) -> bool:
        """Whether the file that a stored row names (or "") is all that has to be there."""

    def pending(self, subjects: Sequence[S], done: Mapping[str, str]) -> bool:
        """Whether anything that can be done still has to be."""
        return any(not self._is_done(s, done) for s in subjects if self.failure(s) is None)

    def run(self, groups: Sequence[Sequence[S]], done: Mapping[str, str]) -> None:
        """Do what is missing and store its rows."""
        job = self.job
        job.watcher.begin(f"{self.title}: {self.spec.label}", sum(map(len, groups)))
        rows = job.executor.run(self.worker, self.tasks(groups, done), self.rows)
        job.save(self.table, self.spec.label, rows, self.own_steps)

    def tasks(self, groups: Sequence[Sequence[S]], done: Mapping[str, str]) -> list[Task[S]]:
        """The batches of which anything is missing."""
        return [*self._unfinished(groups, done)]

    def rows(self, todo: Sequence[S], results: dict[str, Result]) -> Rows:
        """Write the files of a batch and give its rows."""
        return [self.row(s, self.failure(s) or results[self.name(s)]) for s in todo]

    def _unfinished(self, groups: Sequence[Sequence[S]], done: Mapping[str, str]) -> Iterator[Task[S]]:
        for batch in (batch for group in groups for batch in batches(group, self.job.batch_size)):
            todo = tuple(s for s in batch if not self._is_done(s, done))
            if todo:
                yield Task(todo, batch, self._items)
            self.job.watcher.advance(len(batch) - len(todo), fresh=False)

    def _is_done(self, subject: S, done: Mapping[str, str]) -> bool:
        file = done.get(self.key(subject))
        return file is not None and self.kept(subject, file)

    def _items(self, batch: Sequence[S]) -> list[Item]:
        return [self.item(s) for s in batch if self.failure(s) is None]
