"""A link of the chain: one model over all its pictures, of which only what is missing is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from safebench.route.job import Job, batches
from safebench.route.picture import Picture
from safebench.runs.schema import Table
from safebench.work.executor import Rows
from safebench.work.tasks import Failure, Item, Result, Task, Worker

Done = Mapping[str, Sequence[str]]
"""The keys of the stored rows that went well, each with the paths of the files that it has kept, "" for none."""


class Model(Protocol):
    """Whose rows a link makes: a model that takes part, or who made the pictures that are given."""

    @property
    def label(self) -> str:
        """Its name in the tables."""

    @property
    def identity(self) -> str:
        """What its rows depend on besides their inputs."""

    @property
    def shard(self) -> int:
        """So many pictures a call, where the model says so itself; else 0."""


class Link(ABC):
    """One model at work on pictures (those that it makes, or those that it looks at), batch by batch.

    What links have in common lies here: which batches have anything left to do, how they go to the executor, how their
    rows are stored.  A subclass says what a picture's key, item and row are; its worker does the work.

    groups: sequences of pictures.  No batch holds pictures of two groups, so that a group added later leaves the
    batches of the others as they were.
    at_once: so many pictures that follow one another come of one item (the assemblies of one inpainter's output).
    """

    title: ClassVar[str]
    table: ClassVar[Table]
    own_steps: ClassVar[frozenset[str]]
    """The steps of failures that this link answers for; a row with another one failed before it."""

    def __init__(self, job: Job, spec: Model, worker: Worker, at_once: int = 1) -> None:
        self.job = job
        self.spec = spec
        self.worker = worker
        self.at_once = at_once

    @abstractmethod
    def key(self, picture: Picture) -> str:
        """Of all that the picture's row depends on."""

    @abstractmethod
    def kept(self, picture: Picture, files: Sequence[str]) -> bool:
        """Whether the files that a stored row names are all that have to be there."""

    @abstractmethod
    def item(self, picture: Picture) -> Item:
        """What the worker is given."""

    @abstractmethod
    def row(self, picture: Picture, result: Result) -> dict[str, Any]:
        """The row of a result; writes the result's files."""

    def pending(self, pictures: Sequence[Picture], done: Done) -> bool:
        """Whether anything that can be done still has to be."""
        return any(not self._is_done(picture, done) for picture in pictures if picture.failure is None)

    def tasks(self, groups: Sequence[Sequence[Picture]], done: Done) -> list[Task[Picture]]:
        """The batches of which anything is missing."""
        return [*self._unfinished(groups, done)]

    def rows(self, todo: Sequence[Picture], results: dict[str, Result]) -> Rows:
        """Write the files of a batch and give its rows."""
        return [self.row(picture, picture.failure or results[picture.name]) for picture in todo]

    def run(self, groups: Sequence[Sequence[Picture]], done: Done) -> None:
        """Do what is missing and store its rows."""
        job = self.job
        job.watcher.begin(f"{self.title}: {self.spec.label}", sum(map(len, groups)))
        rows = job.executor.run(self.worker, self.tasks(groups, done), self.rows)
        job.save(self.table, self.spec.label, rows, self.own_steps)

    def _unfinished(self, groups: Sequence[Sequence[Picture]], done: Done) -> Iterator[Task[Picture]]:
        size = (self.spec.shard or self.job.batch_size) * self.at_once
        for batch in (batch for group in groups for batch in batches(group, size)):
            todo = tuple(picture for picture in batch if not self._is_done(picture, done))
            if todo:
                yield Task(todo, batch, self._items)
            self.job.watcher.advance(len(batch) - len(todo), fresh=False)

    def _is_done(self, picture: Picture, done: Done) -> bool:
        if self.spec.label in self.job.again:
            return False
        files = done.get(self.key(picture))
        return files is not None and self.kept(picture, files)

    def _items(self, batch: Sequence[Picture]) -> list[Item]:
        return [self.item(picture) for picture in batch[:: self.at_once] if picture.failure is None]

    def _failed(self, failure: Failure, blank: Mapping[str, Any]) -> dict[str, Any]:
        """The end of a row that failed; raises where the run is strict."""
        return {**blank, "error": self.job.fail(failure).error, "error_step": failure.step}
