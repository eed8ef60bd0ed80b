"""Where the work of a run is done: in this process, on a Ray cluster, or in Slurm's array jobs.

An executor is handed a worker (one model) and tasks (batches), and gives rows back in the tasks' order; it knows
neither inpainters nor detectors.  The driver plans, and alone writes the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safebench.runs.config import RunConfig
from safebench.work.tasks import Result, Task, Worker

S = TypeVar("S")
ON_CPU, ON_GPU = 4, 32
"""Images a call where `--batch-size` is auto."""
Rows = list[dict[str, Any]]
Save = Callable[[Sequence[S], dict[str, Result]], Rows]
"""Writes the files of a task's results and gives its rows: (todo, results by name); may be called from any thread."""


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


def make_executor(config: RunConfig, run: Path) -> Executor:
    """The executor that `--engine` names, for the run in that folder.

    Raises PluginError where its package is missing, ConfigError.
    """
    if config.engine == "ray":
        from safebench.work.ray import RayExecutor

        return RayExecutor(config, run)
    if config.engine == "slurm":
        from safebench.work.slurm import SlurmExecutor

        return SlurmExecutor(config, run)
    from safebench.work.local import LocalExecutor

    return LocalExecutor(config.workers, config.device)
