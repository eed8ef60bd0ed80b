"""What travels between the driver of a run and its workers: files' bytes in, results and files' bytes out.

A worker writes nothing and knows no run's folder, so that it may sit in this process, in another or on another
machine; the driver alone writes.  A task done twice gives the same answer twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from safebench.errors import SafebenchError

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True)
class Failure:
    """Why a sample has no result, and in which step that was seen: read, mask, inpaint, quality, postprocess or
    detect."""

    step: str
    error: str


@dataclass(frozen=True)
class FileRef:
    """A file: its path, and for a worker that cannot see the path its bytes, or where fsspec finds them (`url`)."""

    path: Path
    data: bytes | None = None
    url: str = ""

    def read(self) -> bytes:
        """The file's bytes; raises OSError."""
        if self.data is not None:
            return self.data
        if self.url:
            import fsspec  # installed with huggingface_hub

            with fsspec.open(self.url, "rb") as file:
                data: bytes = file.read()
            return data
        return self.path.read_bytes()


@dataclass(frozen=True)
class Item:
    """One image of a task.  `files` are what is looked at, by role:

    - inpaint: `original`, `mask`, and by assembly the pictures that are there from an earlier run;
    - detect: `image`, `mask` where a hole is to be found, and `shown` where the post-processed image is there.

    keep: the kinds of new files that are wanted: `map` (with `confidence`), `picture`.
    asked: what is to be done to it first: the label of a chain of post-processing, "" for nothing.
    called: its name in an exchange of files with a model that works elsewhere.
    text: what an inpainter that takes texts is told to paint.
    """

    name: str
    files: dict[str, FileRef]
    keep: frozenset[str] = frozenset()
    asked: str = ""
    called: str = ""
    text: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of an item: figures by column of the run's tables, and new files by kind."""

    values: dict[str, Any]
    files: dict[str, FileRef] = field(default_factory=dict)


Result = Answer | Failure


@dataclass(frozen=True)
class Task(Generic[S]):
    """A batch of pictures: `todo` are those that a row is wanted of; `items` makes what a worker is given.

    The whole batch is computed, whatever is left to do of it, since a network's last digits depend on the company.
    """

    todo: Sequence[S]
    batch: Sequence[S]
    items: Callable[[Sequence[S]], list[Item]]

    def prepared(self) -> list[Item]:
        """The items of the batch that can be looked at."""
        return self.items(self.batch)


class Worker(Protocol):
    """One model at work.  It is picklable until it has loaded its model, which it does when first needed.

    `load` and `finish` are called from several threads at once and beside `compute`; `compute` from one.
    None raises for what is wrong with an item: that is the item's `Failure`.
    """

    def load(self, items: Sequence[Item]) -> Any:
        """Read and decode what a batch needs."""

    def compute(self, loaded: Any) -> Any:
        """Call the model."""

    def finish(self, computed: Any) -> list[Result]:
        """Measure and encode; one result for each item, in their order."""


class Portable:
    """A dataclass that is pickled without what it has loaded."""

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(cast(Any, self))}


class loaded_once(cached_property[T]):  # noqa: N801, as cached_property
    """A cached property that is tried once: a model that cannot be loaded is not loaded again for every image."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        failed: dict[str | None, Exception] = vars(instance).setdefault("_failed", {})
        if self.attrname in failed:
            raise failed[self.attrname]
        try:
            return super().__get__(instance, owner)
        except Exception as error:  # a model may raise anything
            failed[self.attrname] = error
            raise


def attempt(step: str, action: Callable[[T], R], item: T) -> R | Failure:
    """`action(item)`, or why that failed."""
    try:
        return action(item)
    except Exception as error:  # a model may raise anything
        return Failure(step, sentence(error))


class Adaptive:
    """Calls a model on batches; one image that fails costs no other, and a batch too large for the memory is halved.

    The size that fitted is kept for the batches that follow.
    """

    def __init__(self, step: str) -> None:
        self._step = step
        self._most: int | None = None

    def __call__(self, items: Sequence[T], together: Callable[[Sequence[T]], Sequence[R]]) -> list[R | Failure]:
        """`together(items)`, one result for each item; where that fails, in parts, down to single items."""
        most = self._most or max(1, len(items))
        return [result for k in range(0, len(items), most) for result in self._try(items[k : k + most], together)]

    def _try(self, items: Sequence[T], together: Callable[[Sequence[T]], Sequence[R]]) -> list[R | Failure]:
        if not items:
            return []
        try:
            return list(together(items))
        except Exception as error:  # a model may raise anything
            if len(items) == 1:
                return [Failure(self._step, sentence(error))]
            size = 1
            if _out_of_memory(error):
                size = self._most = (len(items) + 1) // 2
        return [result for k in range(0, len(items), size) for result in self._try(items[k : k + size], together)]


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on a GPU or here; frees what torch holds in reserve on a GPU."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        torch.cuda.empty_cache()
        return True
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def sentence(error: Exception) -> str:
    """An exception as one line."""
    if isinstance(error, SafebenchError):
        return str(error)
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
