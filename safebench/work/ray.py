"""A Ray cluster: actors hold the model; others follow those that die, and do their unfinished batches again."""

from __future__ import annotations

import logging
import math
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from safebench.errors import ConfigError, PluginError, SafebenchError
from safebench.work.exchange import Exchange, leave
from safebench.work.executor import ON_CPU, ON_GPU, ExecutorOptions, Rows, Save
from safebench.work.tasks import Item, Result, Task, Worker

S = TypeVar("S")
_AHEAD = 3
"""Batches that each actor has before it: one is read, one at the model, one measured."""
_DEATHS = 5
"""So many actors may die at one batch or beside it, or in one place at their start."""
_ANSWER_SECONDS = 5.0


class _Actor:
    """Holds one worker; `threads` are torch's, so that sums come out as in the driver's process."""

    def __init__(self, worker: Worker, threads: int, folder: str | None) -> None:
        import torch

        torch.set_num_threads(threads)
        self._worker = worker
        self._folder = folder
        self._model = threading.Lock()

    def ready(self) -> None:
        """Answers when the actor has found its place."""

    def perform(self, items: list[Item]) -> list[Result]:
        """One batch; reading and measuring lie beside the model's work at another."""
        loaded = self._worker.load(items)
        with self._model:
            computed = self._worker.compute(loaded)
        return leave(self._worker.finish(computed), self._folder)


class RayExecutor:
    """`--engine ray`: one actor for each GPU of the cluster, or where it has none, for as many processors as torch uses
    in the driver's process.

    `--workers N` starts N actors instead; where they are more than the GPUs, they share them.
    """

    def __init__(self, options: ExecutorOptions) -> None:
        try:
            import ray
            import torch
        except ImportError as error:
            raise PluginError(
                f"--engine ray: Ray could not be imported: {error}; install it with: pip install 'safebench[ray]'"
            ) from None
        self._ray = ray
        self._exchange = Exchange(options.storage, options.owner)
        self._joined = not ray.is_initialized()
        if options.ray_address:
            _check_reachable(options.ray_address)
        try:
            ray.init(
                address=options.ray_address,
                ignore_reinit_error=True,
                include_dashboard=None if options.ray_address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(f"--ray-address {options.ray_address}: no cluster answers there ({error})") from None
        has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._threads = torch.get_num_threads()
        self._gpus = int(has.get("GPU", 0)) if options.device == "auto" or options.device.startswith("cuda") else 0
        self._count = options.workers or self._gpus or max(1, int(has.get("CPU", 1)) // self._threads)
        self._share = _share(self._count, self._gpus, has.get("CPU", 1), self._threads)
        self.batch_size = ON_GPU if self._gpus else ON_CPU

    def describe(self) -> str:
        """For run.json."""
        where = f"{self._gpus} GPUs" if self._gpus else f"cpu (threads: {self._threads})"
        return f"Ray: {self._count} actors, {where}"

    def run(self, worker: Worker, tasks: Iterable[Task[S]], save: Save[S]) -> Iterator[Rows]:
        """The rows of each task, in the tasks' order; raises SafebenchError where no actor is left, or one batch
        has cost several."""
        waiting = deque(tasks)
        if not waiting:
            return
        # no restarts of Ray's: see _Crew
        remote = self._ray.remote(_Actor).options(max_restarts=0, max_concurrency=_AHEAD, **self._share)
        start = partial(remote.remote, worker, self._threads, self._exchange.folder)
        crew: _Crew[S] = _Crew(self._ray, start, min(self._count, len(waiting)))
        order: deque[_Batch[S]] = deque()
        try:
            while waiting or order:
                while waiting and len(order) < 4 * _AHEAD * self._count and crew.has_room():
                    task = waiting.popleft()
                    items = task.prepared()
                    order.append(_Batch(task, [item.name for item in items], self._exchange.pack(items)))
                    crew.give(order[-1])
                if order and (results := order[0].results) is not None:
                    batch = order.popleft()
                    yield save(batch.task.todo, dict(zip(batch.names, self._exchange.unpack(results), strict=True)))
                else:
                    crew.listen()
        finally:
            crew.dismiss()

    def close(self) -> None:
        """Leave the cluster; one that was started for this run ends."""
        self._exchange.close()
        if self._joined:
            self._ray.shutdown()


@dataclass
class _Batch(Generic[S]):
    """A task under way; `items` are kept until there are results, should it have to be done again."""

    task: Task[S]
    names: list[str]
    items: list[Item]
    results: list[Result] | None = None
    deaths: int = 0


@dataclass(eq=False)
class _Place:
    """An actor, and whether it has found a node to be on; `deaths` is how many before it died at their start."""

    actor: Any
    deaths: int = 0
    ready: bool = False
    load: int = 0


@dataclass
class _Crew(Generic[S]):
    """Hands batches to those actors that answer: one may wait for a node for ever.

    start: makes an actor.  One that dies, or is out of reach, is ended and another started in its place: by Ray's own
    restarts a call that meets one fails as it does at an actor that has gone for good, and an actor that dies at every
    start is started for ever.
    """

    ray: Any
    start: Callable[[], Any]
    count: int
    _places: list[_Place] = field(default_factory=list)
    _asked: dict[Any, tuple[_Place, _Batch[S] | None]] = field(default_factory=dict)
    _again: deque[_Batch[S]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        for _ in range(self.count):
            self._begin()

    def has_room(self) -> bool:
        """Whether an actor could take another batch."""
        return not self._again and any(place.ready and place.load < _AHEAD for place in self._places)

    def give(self, batch: _Batch[S]) -> None:
        """Hand a batch to the actor with the fewest."""
        place = min((place for place in self._places if place.ready), key=lambda place: place.load)
        self._asked[place.actor.perform.remote(batch.items)] = (place, batch)
        place.load += 1

    def listen(self) -> None:
        """Wait for an answer, and hand on what a death has left undone."""
        for answer in self.ray.wait(list(self._asked), num_returns=1)[0]:
            place, batch = self._asked.pop(answer)
            try:
                result = self.ray.get(answer)
            except self.ray.exceptions.RayTaskError as error:
                raise SafebenchError(f"--engine ray: a worker failed: {_last_line(error)}") from None
            except self.ray.exceptions.RayError as error:
                self._lost(place, batch, error)
            else:
                self._heard(place, batch, result)
        while self._again and any(place.ready and place.load < _AHEAD for place in self._places):
            self.give(self._again.popleft())

    def dismiss(self) -> None:
        """End all actors."""
        for place in self._places:
            self.ray.kill(place.actor)

    def _begin(self, deaths: int = 0) -> None:
        place = _Place(self.start(), deaths)
        self._places.append(place)
        self._asked[place.actor.ready.remote()] = (place, None)

    def _heard(self, place: _Place, batch: _Batch[S] | None, results: Any) -> None:
        if batch is None:
            place.ready = True
        else:
            batch.results, batch.items = results, []
            place.load -= 1

    def _lost(self, place: _Place, batch: _Batch[S] | None, error: Exception) -> None:
        """An actor died: at a batch, or (without one) at its start.  Its other batches come here too, one by one."""
        if batch is not None:
            batch.deaths += 1
            if batch.deaths == _DEATHS:
                raise SafebenchError(
                    f"--engine ray: {_DEATHS} workers died at the batch that begins with {batch.names[0]}: "
                    f"{_last_line(error)}; run the command again to go on, with a smaller --batch-size if memory "
                    "ran out"
                ) from None
            self._again.append(batch)
        if place in self._places:
            self._places.remove(place)
            self.ray.kill(place.actor)  # one that is only out of reach would keep its processors
            self._follow(place, error)

    def _follow(self, place: _Place, error: Exception) -> None:
        """Start an actor in the place of one that died, unless that is in vain."""
        deaths = 0 if place.ready else place.deaths + 1
        if deaths < _DEATHS and not getattr(error, "actor_init_failed", False):
            self._begin(deaths)
        elif not self._places:
            raise SafebenchError(f"--engine ray: no actor could be started: {_last_line(error)}") from None


def _share(count: int, gpus: int, processors: float, threads: int) -> dict[str, float]:
    """What each actor takes up, so that all find room: whole processors, or the same part of a GPU (1/2, 1/3, ...)."""
    if gpus:
        return {"num_cpus": 0, "num_gpus": 1 / math.ceil(count / gpus)}
    cores = min(float(threads), processors / count)
    return {"num_cpus": math.floor(cores) if cores >= 1 else cores, "num_gpus": 0}


def _check_reachable(address: str) -> None:
    """Raise ConfigError where nobody listens at HOST:PORT: Ray itself would try for a minute or two."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--ray-address {address}: no cluster answers there ({error})") from None


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
