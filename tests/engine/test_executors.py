"""The same run by threads, by Ray's actors and by array jobs: the same tables, whatever dies on the way."""

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
from typing import Any

import pandas as pd
import pytest
import torch

import safebench
from safebench.config import RunConfig
from safebench.errors import ConfigError, PluginError, SafebenchError
from safebench.executors import ON_CPU, ON_GPU, make_executor
from safebench.executors.exchange import Exchange, leave
from safebench.executors.local import LocalExecutor
from safebench.executors.ray import RayExecutor, _share
from safebench.executors.slurm import SlurmExecutor
from safebench.stages.tasks import Adaptive, Answer, Failure, FileRef, Item, Task, loaded_once

OPTIONS: dict[str, Any] = {
    "inpainters": ["telea", "noise"],
    "detectors": ["laplacian"],
    "images": "sample",
    "size": 64,
    "limit": 4,
    "bins": "10-20,40-50",
    "lpips_net": "squeeze",
    "keep_maps": True,
    "batch_size": 2,
}


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return safebench.run(out=tmp_path_factory.mktemp("runs") / "local", **OPTIONS)


def _assert_same(run: safebench.Results, reference: safebench.Results) -> None:
    pd.testing.assert_frame_equal(run.quality, reference.quality, check_exact=True)
    pd.testing.assert_frame_equal(run.detection, reference.detection, check_exact=True)
    pd.testing.assert_frame_equal(run.detection_cells, reference.detection_cells, check_exact=True)
    files = {p.relative_to(reference.folder): p.read_bytes() for p in reference.folder.rglob("*.png")}
    assert files == {p.relative_to(run.folder): p.read_bytes() for p in run.folder.rglob("*.png")}
    assert len(files) > 40


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_threads_changes_nothing(local, tmp_path, workers):
    _assert_same(safebench.run(out=tmp_path / "run", **OPTIONS, workers=workers), local)


class Slow:
    """A worker that says in which thread each step ran, and when."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, float, float]] = []

    def _step(self, name: str, value: Any) -> Any:
        begun = time.monotonic()
        time.sleep(0.03)
        self.spans.append((name, begun, time.monotonic()))
        return value

    def load(self, items):
        return self._step("load", items)

    def compute(self, loaded):
        return self._step("compute", loaded)

    def finish(self, computed):
        return self._step("finish", [Answer({"name": item.name}) for item in computed])


def _task(k: int) -> Task[int]:
    return Task([k], [k], lambda batch: [Item(str(b), {}) for b in batch])


def _rows(todo, results):
    return [{"key": k, **results[str(k)].values} for k in todo]


def test_reading_and_measuring_overlap_the_model():
    worker = Slow()
    rows = [row for batch in LocalExecutor(2).run(worker, [_task(k) for k in range(8)], _rows) for row in batch]
    assert [row["name"] for row in rows] == [str(k) for k in range(8)], "in the tasks' order"
    computing = [(begun, ended) for name, begun, ended in worker.spans if name == "compute"]
    others = [(begun, ended) for name, begun, ended in worker.spans if name != "compute"]
    beside = [any(b < ended and begun < e for b, e in computing) for begun, ended in others]
    assert sum(beside) >= 10, "most of 16 reads and measurements lie beside a call of the model"


def test_batches_are_read_only_so_far_ahead():
    read: list[int] = []

    def items(batch):
        read.append(batch[0])
        return [Item(str(batch[0]), {})]

    tasks = (Task([k], [k], items) for k in range(100))
    next(LocalExecutor(2).run(Slow(), tasks, _rows))
    assert len(read) < 12, "memory does not grow with the number of samples"


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_batch_too_large_for_the_memory_is_halved_and_stays_so(error):
    sizes: list[int] = []

    def together(items):
        sizes.append(len(items))
        if len(items) > 2:
            raise error
        return [item * 10 for item in items]

    adaptive = Adaptive("inpaint")
    assert adaptive([1, 2, 3, 4, 5, 6, 7], together) == [10, 20, 30, 40, 50, 60, 70]
    assert sizes == [7, 4, 2, 2, 3, 2, 1]
    sizes.clear()
    adaptive([1, 2, 3, 4], together)
    assert sizes == [2, 2], "the next batch begins with what fitted"


def test_one_image_too_large_for_the_memory_is_a_failure():
    def together(items):
        raise MemoryError

    (failure,) = Adaptive("detect")([1], together)
    assert isinstance(failure, Failure)
    assert failure.step == "detect"


def test_nothing_to_call_a_model_on_is_no_error():
    def together(items):
        raise AssertionError("not to be called")

    assert Adaptive("detect")([], together) == []


def test_a_model_that_cannot_be_loaded_is_not_loaded_again_for_every_image():
    class Heavy:
        tries = 0

        @loaded_once
        def model(self) -> int:
            self.tries += 1
            raise ValueError("no such layer")

    heavy = Heavy()
    failures = Adaptive("inpaint")([1, 2, 3], lambda items: [heavy.model for _ in items])
    assert failures == [Failure("inpaint", "ValueError: no such layer")] * 3
    assert heavy.tries == 1


def test_images_travel_through_a_storage_and_leave_nothing_there(tmp_path):
    storage = tmp_path / "deep" / "exchange"
    photo = tmp_path / "a.png"
    photo.write_bytes(b"pixels")
    exchange = Exchange(f"file://{storage}", tmp_path / "run")
    packed = exchange.pack([Item("a", {"image": FileRef(photo)}), Item("b", {"image": FileRef(photo)})])
    photo.unlink()
    assert len(list(storage.rglob("in-*"))) == 1, "the same bytes travel once"
    answers = [Answer({}, {"map": FileRef(Path("map.png"), item.files["image"].read()[::-1])}) for item in packed]
    results = leave(answers, exchange.folder)
    assert all(one.files["map"].data is None for one in results if isinstance(one, Answer)), "the message is small"
    collected = exchange.unpack(results)
    assert [one.files["map"].read() for one in collected if isinstance(one, Answer)] == [b"slexip"] * 2
    assert not list(storage.rglob("out-*")), "what was collected takes up no room"
    exchange.close()
    assert list(storage.iterdir()) == []


def test_what_a_killed_driver_left_in_the_storage_is_removed_by_the_next(tmp_path):
    storage, photo = tmp_path / "exchange", tmp_path / "a.png"
    photo.write_bytes(b"pixels")
    others = Exchange(str(storage), tmp_path / "other")
    for exchange in (others, Exchange(str(storage), tmp_path / "run")):
        exchange.pack([Item("a", {"image": FileRef(photo)})])
    Exchange(str(storage), tmp_path / "run").close()
    assert [path.name for path in storage.iterdir()] == [Path(str(others.folder)).name], "another run's stays"


def test_a_storage_that_cannot_be_used_is_told_in_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="--storage nosuch://there"):
        Exchange("nosuch://there", tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"--storage .*file: cannot be written to"):
        Exchange(str(tmp_path / "file"), tmp_path)


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
        RayExecutor(RunConfig(inpainters=("telea",), engine="ray", ray_address="127.0.0.1:1"), tmp_path)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_is_told_in_a_sentence(tmp_path, monkeypatch, engine, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PluginError, match=rf"--engine {engine}.*pip install 'safebench\[{engine}\]'"):
        make_executor(RunConfig(inpainters=("telea",), engine=engine), tmp_path)


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
    return SlurmExecutor(RunConfig(inpainters=("telea",), engine="slurm", workers=1, slurm=slurm), folder / "run")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "rya"}, "rya"),
        ({"workers": 0}, "--workers 0"),
        ({"ray_address": "10.0.0.1:6379"}, "--engine ray"),
        ({"slurm": {"slurm_partition": "gpu"}}, "--engine slurm"),
        ({"storage": "s3://bucket"}, "--storage"),
        ({"batch_size": "many"}, "batch_size"),
        ({"precision": "fp8"}, "precision"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        safebench.run(out=tmp_path / "run", **{**OPTIONS, **options})


def test_another_precision_never_meets_old_results(local, tmp_path):
    from safebench.participants import participant

    plain, half = participant("inpainters", "telea"), participant("inpainters", "telea")
    assert plain.identity == half.identity
    assert RunConfig(inpainters=("telea",)).precision == "fp32"
    run = safebench.run(out=tmp_path / "run", **{**OPTIONS, "limit": 1, "precision": "bf16"})
    assert not set(run.quality["key"]) & set(local.quality["key"])
    assert run.info["inpainters"]["telea"]["precision"] == "bf16"


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
    _assert_same(safebench.open_run(tmp_path / "run"), reference)


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
    monkeypatch.setattr("safebench.executors.ray._DEATHS", 2)
    executor = RayExecutor(RunConfig(inpainters=("telea",), engine="ray", workers=1), tmp_path)
    try:
        with pytest.raises(SafebenchError, match=r"2 workers died at the batch that begins with [0-4]"):
            list(executor.run(Deadly(), [_task(k) for k in range(5)], _rows))
    finally:
        executor.close()


@pytest.mark.slow
def test_a_job_that_times_out_is_requeued_and_goes_on(tmp_path):
    pytest.importorskip("submitit")
    executor = _slurm(tmp_path, timeout_min="1")
    executor._submitit._executor.parameters["signal_delay_s"] = 51  # told 9 seconds after its start
    rows = [row for batch in executor.run(Steady(tmp_path), [_task(k) for k in range(12)], _rows) for row in batch]
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
