"""This process: decoding, the model, and measuring and storing overlap, so that the model hardly ever waits."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from safebench.models.devices import describe_device, pick_device
from safebench.work.executor import ON_CPU, ON_GPU, Rows, Save
from safebench.work.tasks import Task, Worker

S = TypeVar("S")
_MOST = 8
"""Threads on a side where `--workers` is not given: a GPU needs several to keep up with it."""


class LocalExecutor:
    """`workers` threads read ahead of the model, and as many measure, encode and write behind it.

    So many batches are held in memory on either side, however many samples there are.
    """

    def __init__(self, workers: int | None = None, device: str = "auto") -> None:
        self._workers = workers or min(_MOST, os.cpu_count() or 1)
        self._device = device

    @property
    def batch_size(self) -> int:
        """32 on a GPU, 4 on a CPU."""
        return ON_GPU if pick_device(self._device).type == "cuda" else ON_CPU

    def describe(self) -> str:
        """For run.json."""
        return describe_device(self._device)

    def run(self, worker: Worker, tasks: Iterable[Task[S]], save: Save[S]) -> Iterator[Rows]:
        """The rows of each task, in the tasks' order."""
        waiting = iter(tasks)
        ahead: deque[tuple[Task[S], list[str], Future[Any]]] = deque()
        behind: deque[Future[Rows]] = deque()
        with (
            ThreadPoolExecutor(self._workers, "safebench-read") as readers,
            ThreadPoolExecutor(self._workers, "safebench-write") as writers,
        ):
            try:
                while True:
                    while len(ahead) <= self._workers and (task := next(waiting, None)) is not None:
                        items = task.prepared()
                        ahead.append((task, [item.name for item in items], readers.submit(worker.load, items)))
                    if not ahead:
                        break
                    task, names, loading = ahead.popleft()
                    computed = worker.compute(loading.result())
                    behind.append(writers.submit(_end, worker, task, names, computed, save))
                    while behind and (behind[0].done() or len(behind) > self._workers):
                        yield behind.popleft().result()
                while behind:
                    yield behind.popleft().result()
            finally:
                for future in (*(loading for _, _, loading in ahead), *behind):
                    future.cancel()

    def close(self) -> None:
        """Nothing is held between stages."""


def _end(worker: Worker, task: Task[S], names: list[str], computed: Any, save: Save[S]) -> Rows:
    return save(task.todo, dict(zip(names, worker.finish(computed), strict=True)))
