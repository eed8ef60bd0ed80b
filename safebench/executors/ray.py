"""A Ray cluster: actors hold the model, Ray restarts those that die and does their unfinished batch again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from safebench.config import RunConfig
from safebench.errors import ConfigError, PluginError
from safebench.executors import Rows, Save
from safebench.executors.exchange import Exchange, perform_packed
from safebench.stages.tasks import Item, Result, Task, Worker

S = TypeVar("S")
_AHEAD = 2
"""Batches that each actor has before it: one at work, one that waits."""


class _Actor:
    """Holds one worker; `threads` are torch's, so that sums come out as in the driver's process."""

    def __init__(self, worker: Worker, threads: int, storage: str | None) -> None:
        import torch

        torch.set_num_threads(threads)
        self._worker = worker
        self._storage = storage

    def perform(self, items: list[Item]) -> list[Result]:
        """One batch."""
        return perform_packed(self._worker, items, self._storage)


class RayExecutor:
    """`--engine ray`: one actor for each GPU of the cluster, or for each processor where it has none.

    `--workers N` starts N actors instead; where they are more than the GPUs, they share them.
    """

    def __init__(self, config: RunConfig) -> None:
        try:
            import ray
        except ImportError as error:
            raise PluginError(
                f"--engine ray: Ray could not be imported: {error}; install it with: pip install 'safebench[ray]'"
            ) from None
        self._ray = ray
        self._exchange = Exchange(config.storage)
        try:
            ray.init(
                address=config.ray_address,
                ignore_reinit_error=True,
                include_dashboard=None if config.ray_address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(f"--ray-address {config.ray_address}: no cluster answers there ({error})") from None
        has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(has.get("GPU", 0)) if config.device == "auto" or config.device.startswith("cuda") else 0
        self._count = config.workers or gpus or max(1, int(has.get("CPU", 1)))
        self._share = {"num_gpus": gpus / self._count if self._count > gpus else 1} if gpus else {"num_gpus": 0}

    def run(self, worker: Worker, tasks: Iterable[Task[S]], save: Save[S]) -> Iterator[Rows]:
        """The rows of each task, in the tasks' order."""
        import torch

        ray = self._ray
        remote = ray.remote(_Actor).options(
            num_cpus=0 if self._share["num_gpus"] else 1, max_restarts=-1, max_task_retries=-1, **self._share
        )
        waiting = deque(tasks)
        template = ray.put(worker)
        actors = [
            remote.remote(template, torch.get_num_threads(), self._exchange.storage)
            for _ in range(min(self._count, len(waiting)))
        ]
        load = [0] * len(actors)
        running: dict[Any, int] = {}
        order: deque[tuple[Task[S], list[str], Any]] = deque()
        try:
            while waiting or order:
                while waiting and len(order) < 4 * _AHEAD * len(actors) and min(load) < _AHEAD:
                    task = waiting.popleft()
                    items = self._exchange.pack(task.prepared())
                    k = load.index(min(load))
                    answer = actors[k].perform.remote(items)
                    load[k] += 1
                    running[answer] = k
                    order.append((task, [item.name for item in items], answer))
                if order[0][2] in running:
                    for answer in ray.wait(list(running), num_returns=1)[0]:
                        load[running.pop(answer)] -= 1
                while order and order[0][2] not in running:
                    task, names, answer = order.popleft()
                    results = self._exchange.unpack(ray.get(answer))
                    yield save(task.todo, dict(zip(names, results, strict=True)))
        finally:
            for actor in actors:
                ray.kill(actor)

    def close(self) -> None:
        """Leave the cluster; one that was started for this run ends."""
        self._exchange.close()
        self._ray.shutdown()
