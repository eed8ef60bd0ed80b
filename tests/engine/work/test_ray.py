"""The same run by Ray's actors: the same tables, whatever dies on the way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import safebench
from safebench.errors import ConfigError, SafebenchError
from safebench.work.executor import ExecutorOptions
from safebench.work.ray import RayExecutor, _share
from safebench.work.tasks import Answer

from .alike import OPTIONS, assert_same, rows_of, task_of


@pytest.mark.parametrize(
    ("count", "gpus", "processors", "threads", "share"),
    [
        (4, 4, 64, 16, {"num_cpus": 0, "num_gpus": 1}),
        (3, 2, 64, 16, {"num_cpus": 0, "num_gpus": 0.5}),
        (4, 0, 64, 16, {"num_cpus": 16, "num_gpus": 0}),
        (6, 0, 16, 4, {"num_cpus": 2, "num_gpus": 0}),
        (4, 0, 2, 2, {"num_cpus": 0.5, "num_gpus": 0}),
    ],
)
def test_all_actors_find_room_on_the_cluster(count, gpus, processors, threads, share):
    assert _share(count, gpus, processors, threads) == share


def test_an_address_where_no_cluster_answers_is_told_before_ray_tries_it(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray would try for minutes"))
    with pytest.raises(ConfigError, match=r"--ray-address 127\.0\.0\.1:1: no cluster answers there"):
        RayExecutor(ExecutorOptions(tmp_path, engine="ray", ray_address="127.0.0.1:1"))


DRIVER = """
import json, sys, safebench
from safebench.work.ray import RayExecutor

def pausing(self, *arguments, run=RayExecutor.run):
    for done, rows in enumerate(run(self, *arguments), 1):
        yield rows
        if done <= 2:
            print(f"{done} batches", flush=True)
            input()

RayExecutor.run = pausing
safebench.run(out=sys.argv[1], **json.loads(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds Ray's processes by /proc")
def test_ray_gives_the_same_tables_though_an_actor_and_the_driver_are_killed(tmp_path, request):
    pytest.importorskip("ray")
    options = {**OPTIONS, "inpainters": ["criminisi"]}
    reference = safebench.run(out=tmp_path / "local", **options)
    options |= {"engine": "ray", "workers": 2}
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "run"), json.dumps(options)]
    driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdin is not None
    assert driver.stdout is not None
    assert "1 batches\n" in driver.stdout, "the driver has ended"  # Ray may write lines of its own before it
    os.kill(_actors(driver.pid)[0], signal.SIGKILL)
    driver.stdin.write("go on\n")
    driver.stdin.flush()
    assert "2 batches\n" in driver.stdout, "the driver has ended"
    driver.kill()
    driver.communicate()
    assert len(list((tmp_path / "run" / "composites").rglob("*.png"))) == 4, "it was killed in the middle"
    request.getfixturevalue("cluster")
    assert_same(safebench.run(out=tmp_path / "run", **{**options, "workers": 1}), reference)


def _actors(driver: int) -> list[int]:
    """The processes of Ray's actors below a driver's process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if b"ray::_Actor" in (folder / "cmdline").read_bytes() and driver in _ancestors(int(folder.name)):
                    found.append(int(folder.name))
    return found


def _ancestors(process: int) -> list[int]:
    chain = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        chain.append(process)
    return chain


class Deadly:
    """Ends its process at the item "2"."""

    def load(self, items):
        return items

    def compute(self, loaded):
        if loaded[0].name == "2":
            os._exit(1)
        return loaded

    def finish(self, computed):
        return [Answer({"name": item.name}) for item in computed]


@pytest.fixture(scope="module")
def cluster():
    """One cluster for several executors: each joins it, and none ends it."""
    ray = pytest.importorskip("ray")
    this = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(this)  # actors may find somebody else's package called `tests`
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
    ray.cloudpickle.unregister_pickle_by_value(this)


def _by_ray(folder: Path, worker: object, *, workers: int, faults: int = 0) -> list[str]:
    executor = RayExecutor(ExecutorOptions(folder / "run", engine="ray", workers=workers))
    executor._ray = Unreachable(executor._ray, faults)  # type: ignore[assignment]
    rows = executor.run(worker, [task_of(k) for k in range(5)], rows_of)  # type: ignore[arg-type]
    return [row["name"] for batch in rows for row in batch]


class Unreachable:
    """Ray, by which the first answers cannot be had: the actor is out of reach, though it may live."""

    def __init__(self, ray: Any, faults: int) -> None:
        self._ray, self._faults = ray, faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ray, name)

    def get(self, answer: Any) -> Any:
        if self._faults:
            self._faults -= 1
            raise self._ray.exceptions.ActorUnavailableError("the actor is restarting", None)
        return self._ray.get(answer)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("workers", "faults"), [(1, 1), (2, 3)])
def test_an_actor_out_of_reach_costs_no_run_and_no_row(tmp_path, workers, faults):
    found = _by_ray(tmp_path, DiesAtStart(tmp_path, 0), workers=workers, faults=faults)
    assert found == ["0", "1", "2", "3", "4"]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_batch_at_which_ever_more_workers_die_ends_the_run_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("safebench.work.ray._DEATHS", 2)
    with pytest.raises(SafebenchError, match=r"2 workers died at the batch that begins with [0-4]"):
        _by_ray(tmp_path, Deadly(), workers=1)


class DiesAtStart:
    """Ends the process of an actor that unpacks it, so before the actor is ready: as many as `dying`; the first of all
    may live, up to the item `last`."""

    def __init__(self, folder: Path, dying: int, *, first_lives: bool = False, last: str = "") -> None:
        self.folder, self.dying, self.first_lives, self.last = folder, dying, first_lives, last

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if not (self.first_lives and self._is_the_first_at("alive")):
            for k in range(self.dying):
                if self._is_the_first_at(f"death-{k}"):
                    os._exit(1)

    def _is_the_first_at(self, name: str) -> bool:
        try:
            (self.folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def load(self, items):
        return items

    def compute(self, loaded):
        if loaded[0].name == self.last and self._is_the_first_at("last"):
            os._exit(1)
        return loaded

    def finish(self, computed):
        return [Answer({"name": item.name}) for item in computed]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("workers", "dying", "others"),
    [(1, 2, {}), (2, 3, {}), (1, 2, {"first_lives": True, "last": "2"}), (2, 99, {"first_lives": True})],
    ids=["alone", "both", "started again", "beside one that lives"],
)
def test_an_actor_that_dies_at_its_start_costs_no_run_and_no_row(tmp_path, monkeypatch, workers, dying, others):
    monkeypatch.setattr("safebench.work.ray._DEATHS", 4)
    found = _by_ray(tmp_path, DiesAtStart(tmp_path, dying, **others), workers=workers)
    assert found == ["0", "1", "2", "3", "4"]
    assert dying == 99 or len(list(tmp_path.glob("death-*"))) == dying


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_actors_that_die_at_every_start_end_the_run_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("safebench.work.ray._DEATHS", 2)
    with pytest.raises(SafebenchError, match="no actor could be started: "):
        _by_ray(tmp_path, DiesAtStart(tmp_path, 99), workers=2)
    assert len(list(tmp_path.glob("death-*"))) == 4, "each place was tried twice"
