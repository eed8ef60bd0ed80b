"""What an executor has to be, and what decides how it works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from safebench.work.tasks import Result, Task, Worker

S = TypeVar("S")
ON_CPU, ON_GPU = 4, 32
"""Images a call where `--batch-size` is auto."""
Rows = list[dict[str, Any]]
Save = Callable[[Sequence[S], dict[str, Result]], Rows]
"""Writes the files of a task's results and gives its rows: (todo, results by name); may be called from any thread."""


@dataclass(frozen=True)
class ExecutorOptions:
    """Where the work is done, and by how many; the fields mean what `safebench run`'s options of these names do.

    owner: the folder that the work is for.  It is neither read nor written: its name tells what travels through the
        storage from what others send.
    """

    owner: Path
    engine: Literal["local", "ray", "slurm"] = "local"
    device: str = "auto"
    workers: int | None = None
    storage: str | None = None
    ray_address: str | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)


class Executor(Protocol):
    """Does tasks; one that is interrupted leaves no task half-saved."""

    @property
    def batch_size(self) -> int:
        """Images a call where `--batch-size` is auto."""

    def describe(self) -> str:
        """Where the models run, for run.json."""

    def run(self, worker: Worker, tasks: Iterable[Task[S]], save: Save[S]) -> Iterator[Rows]:
        """The rows of each task, in the tasks' order."""

    def close(self) -> None:
        """Let go of processes and machines."""
