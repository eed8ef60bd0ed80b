"""The same run by Ray's actors and by array jobs: the same tables, whatever dies on the way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

import safebench
from safebench.errors import ConfigError, PluginError, SafebenchError
from safebench.work.engines import make_executor
from safebench.work.executor import ON_CPU, ON_GPU, ExecutorOptions
from safebench.work.ray import RayExecutor, _share
from safebench.work.slurm import SlurmExecutor
from safebench.work.tasks import Answer

from .alike import OPTIONS, assert_same, rows_of, task_of


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return safebench.run(out=tmp_path_factory.mktemp("runs") / "local", **OPTIONS)


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


def test_an_address_where_no_cluster_answers_is_told_at_once(tmp_path):
    pytest.importorskip("ray")
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r"--ray-address 127\.0\.0\.1:1: no cluster answers there"):
        RayExecutor(ExecutorOptions(tmp_path, engine="ray", ray_address="127.0.0.1:1"))
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_is_told_in_a_sentence(tmp_path, monkeypatch, engine, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PluginError, match=rf"--engine {engine}.*pip install 'safebench\[{engine}\]'"):
        make_executor(ExecutorOptions(tmp_path, engine=engine))


def test_slurm_without_slurm_is_told_in_a_sentence(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match=r"--engine slurm: .*srun"):
        _slurm(tmp_path, cluster="slurm")


def test_batches_are_larger_where_jobs_have_gpus(tmp_path):
    pytest.importorskip("submitit")
    assert _slurm(tmp_path).batch_size == ON_CPU
    assert _slurm(tmp_path, gpus_per_node="1").batch_size == ON_GPU


def _slurm(folder: Path, **parameters: str) -> SlurmExecutor:
    slurm = {"cluster": "local", "folder": str(folder / "jobs"), **parameters}
    return SlurmExecutor(ExecutorOptions(folder / "run", engine="slurm", workers=1, slurm=slurm))


@pytest.mark.slow
@pytest.mark.parametrize("through_storage", [False, True])
def test_array_jobs_give_the_same_tables(local, tmp_path, monkeypatch, through_storage):
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    slurm = {"cluster": "local", "folder": str(tmp_path / "jobs"), "timeout_min": "5"}
    storage = str(tmp_path / "exchange") if through_storage else None
    run = safebench.run(
        out=tmp_path / "run",
        **{**OPTIONS, "inpainters": ["noise"]},
        engine="slurm",
        workers=2,
        slurm=slurm,
        storage=storage,
    )
    assert len(list((tmp_path / "jobs").glob("*_log.out"))) >= 3, "jobs did the work"
    assert not list((tmp_path / "jobs").glob("*.pkl")), "no images are left among the jobs' files"
    _assert_part(run, local)


def _assert_part(run: safebench.Results, reference: safebench.Results) -> None:
    for table in ("quality", "detection"):
        ours, theirs = getattr(run, table), getattr(reference, table)
        theirs = theirs[theirs["key"].isin(ours["key"])].reset_index(drop=True)
        assert len(ours) >= 8
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


DRIVER = """
import json, sys, safebench
safebench.run(out=sys.argv[1], **json.loads(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds Ray's processes by /proc")
def test_ray_gives_the_same_tables_though_an_actor_and_the_driver_are_killed(tmp_path):
    pytest.importorskip("ray")
    options = {**OPTIONS, "inpainters": ["criminisi"], "limit": 8, "size": 96}
    reference = safebench.run(out=tmp_path / "local", **options)
    composites = tmp_path / "run" / "composites"
    argument = json.dumps({**options, "engine": "ray", "workers": 2})
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path / "run"), argument])
    _wait(lambda: len(list(composites.rglob("*.png"))) >= 2, driver)
    os.kill(_actors(driver.pid)[0], signal.SIGKILL)
    _wait(lambda: len(list(composites.rglob("*.png"))) >= 6, driver)
    assert len(list(composites.rglob("*.png"))) < 16, "the run is too short for this test to mean anything"
    driver.kill()
    driver.wait()
    assert subprocess.run([sys.executable, "-c", DRIVER, str(tmp_path / "run"), argument], check=False).returncode == 0
    assert_same(safebench.open_run(tmp_path / "run"), reference)


def _wait(until: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not until():
        assert process.poll() is None, "the driver has ended"
        assert time.monotonic() < deadline
        time.sleep(0.02)


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


@pytest.mark.slow
def test_a_batch_at_which_ever_more_workers_die_ends_the_run_with_a_sentence(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr("safebench.work.ray._DEATHS", 2)
    executor = RayExecutor(ExecutorOptions(tmp_path, engine="ray", workers=1))
    try:
        with pytest.raises(SafebenchError, match=r"2 workers died at the batch that begins with [0-4]"):
            list(executor.run(Deadly(), [task_of(k) for k in range(5)], rows_of))
    finally:
        executor.close()


@pytest.mark.slow
def test_a_job_that_times_out_is_requeued_and_goes_on(tmp_path):
    pytest.importorskip("submitit")
    executor = _slurm(tmp_path, timeout_min="1")
    executor._submitit._executor.parameters["signal_delay_s"] = 51  # told 9 seconds after its start
    rows = [row for batch in executor.run(Steady(tmp_path), [task_of(k) for k in range(12)], rows_of) for row in batch]
    assert [row["name"] for row in rows] == [str(k) for k in range(12)]
    calls = (tmp_path / "calls").read_text().split()
    assert len(calls) <= 15, "batches that were done are not done again"
    assert len(set((tmp_path / "processes").read_text().split())) >= 2, "the job was requeued"


class Steady:
    """Takes its time, and writes down what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, items):
        return items

    def compute(self, loaded):
        time.sleep(0.8)
        with (self.folder / "calls").open("a") as calls, (self.folder / "processes").open("a") as processes:
            calls.write(f"{loaded[0].name} ")
            processes.write(f"{os.getpid()} ")
        return loaded

    def finish(self, computed):
        return [Answer({"name": item.name}) for item in computed]
