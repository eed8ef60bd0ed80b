"""Slurm: shards of batches as array jobs through submitit, whose cluster=local runs them as processes here."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from safebench.errors import ConfigError, PluginError, SafebenchError
from safebench.work.exchange import Exchange, leave
from safebench.work.executor import ON_CPU, ON_GPU, ExecutorOptions, Rows, Save
from safebench.work.local import LocalExecutor
from safebench.work.tasks import Item, Result, Task, Worker

S = TypeVar("S")
_TRIES = 3
_TIMEOUTS = 100
_BATCHES = 64
"""At most so many batches in a job: what one message carries."""


class _Shard:
    """What a job does: its batches one after the other; requeued after a timeout, it goes on where it was."""

    def __init__(self, worker: Worker, threads: int, folder: str | None) -> None:
        self._worker = worker
        self._threads = threads
        self._folder = folder
        self._done: list[list[Result]] = []

    def __call__(self, batches: list[list[Item]]) -> list[list[Result]]:
        import torch

        torch.set_num_threads(self._threads)
        tasks = [Task(items, items, list) for items in batches[len(self._done) :]]
        for answers in LocalExecutor().run(self._worker, tasks, self._left):
            self._done.append([answer["result"] for answer in answers])
        return self._done

    def _left(self, items: Sequence[Item], results: dict[str, Result]) -> Rows:
        return [{"result": result} for result in leave([results[item.name] for item in items], self._folder)]

    def checkpoint(self, batches: list[list[Item]]) -> Any:
        """What submitit submits again when Slurm is about to end the job."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, batches)


class SlurmExecutor:
    """`--engine slurm`: `--workers` jobs an array (8), two arrays under way.

    `--slurm NAME=VALUE` are submitit's parameters (slurm_partition, timeout_min, gpus_per_node, ...), and `folder`,
    where the jobs' files lie (./slurm-jobs; all nodes have to see it).  A job that dies is submitted again, up to
    three times.
    """

    def __init__(self, options: ExecutorOptions) -> None:
        try:
            import submitit
        except ImportError as error:
            raise PluginError(
                f"--engine slurm: submitit could not be imported: {error}; "
                "install it with: pip install 'safebench[slurm]'"
            ) from None
        self._exchange = Exchange(options.storage, options.owner)
        self._jobs = options.workers or 8
        given: dict[str, Any] = {key: int(value) if value.isdigit() else value for key, value in options.slurm.items()}
        cluster, folder = given.pop("cluster", "slurm"), given.pop("folder", "slurm-jobs")
        self._parameters = given
        self.batch_size = ON_GPU if any("gpu" in f"{name}={value}" for name, value in given.items()) else ON_CPU
        with _told():
            # a job that timed out goes on where it was, so it may do so many times
            again = {f"{cluster}_max_num_timeout": _TIMEOUTS}
            self._submitit = submitit.AutoExecutor(folder=folder, cluster=cluster, **again)
            self._submitit.update_parameters(**{"name": "safebench", **given})

    def describe(self) -> str:
        """For run.json."""
        return ", ".join([f"Slurm: {self._jobs} jobs an array", *(f"{k}={v}" for k, v in self._parameters.items())])

    def run(self, worker: Worker, tasks: Iterable[Task[S]], save: Save[S]) -> Iterator[Rows]:
        """The rows of each task, in the tasks' order; raises SafebenchError where a job fails again and again."""
        import torch

        everything = list(tasks)
        size = min(_BATCHES, math.ceil(len(everything) / self._jobs) or 1)
        shards = deque(everything[k : k + size] for k in range(0, len(everything), size))
        shard = _Shard(worker, torch.get_num_threads(), self._exchange.folder)
        running: deque[_Running[S]] = deque()
        try:
            while shards or running:
                if shards and len(running) <= self._jobs:
                    running += self._submit(shard, [shards.popleft() for _ in range(min(self._jobs, len(shards)))])
                yield from self._collect(shard, running[0], save)
                running.popleft()
        finally:
            for submitted in running:
                submitted.job.cancel(check=False)
                submitted.forget()

    def _submit(self, shard: _Shard, wave: list[list[Task[S]]]) -> list[_Running[S]]:
        items = [[task.prepared() for task in tasks] for tasks in wave]
        with _told():
            jobs = self._submitit.map_array(
                shard, [[self._exchange.pack(batch) for batch in batches] for batches in items]
            )
        names = [[[item.name for item in batch] for batch in batches] for batches in items]
        return [_Running(*parts) for parts in zip(wave, names, jobs, strict=True)]

    def _collect(self, shard: _Shard, running: _Running[S], save: Save[S]) -> Iterator[Rows]:
        for _ in range(_TRIES):
            if (error := running.job.exception()) is None:
                break
            running.forget()
            with _told():
                running.job = self._submitit.submit(
                    shard, [self._exchange.pack(task.prepared()) for task in running.tasks]
                )
        else:
            raise SafebenchError(
                f"--engine slurm: a job failed {_TRIES} times; the last, {running.job.job_id}, said: "
                f"{(str(error).strip().splitlines() or [''])[-1]} (its files: {running.job.paths.folder})"
            )
        for task, names, results in zip(running.tasks, running.names, running.job.result(), strict=True):
            yield save(task.todo, dict(zip(names, self._exchange.unpack(results), strict=True)))
        running.forget()

    def close(self) -> None:
        """Remove from the storage what was sent."""
        self._exchange.close()


@dataclass
class _Running(Generic[S]):
    """A shard that was submitted."""

    tasks: list[Task[S]]
    names: list[list[str]]
    job: Any

    def forget(self) -> None:
        """Remove the job's messages, which hold images; what it wrote to its terminal stays."""
        for message in (self.job.paths.submitted_pickle, self.job.paths.result_pickle):
            message.unlink(missing_ok=True)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in submitit, as a sentence."""
    from submitit.core.utils import FailedJobError

    try:
        yield
    except (AssertionError, ValueError, TypeError, NameError, RuntimeError, OSError, FailedJobError) as error:
        raise ConfigError(f"--engine slurm: {' '.join(str(error).split())}") from None
