"""The same run by array jobs: the same tables, whatever ends a job."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import safebench
from safebench.errors import ConfigError
from safebench.work.executor import ON_CPU, ON_GPU, ExecutorOptions
from safebench.work.slurm import SlurmExecutor
from safebench.work.tasks import Answer

from .alike import OPTIONS, assert_same_tables, rows_of, task_of


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return safebench.run(out=tmp_path_factory.mktemp("runs") / "local", **OPTIONS)


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
def test_array_jobs_give_the_same_tables_through_a_storage(local, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    slurm = {"cluster": "local", "folder": str(tmp_path / "jobs"), "timeout_min": "60"}
    run = safebench.run(
        out=tmp_path / "run",
        **{**OPTIONS, "inpainters": ["noise"]},
        engine="slurm",
        workers=2,
        slurm=slurm,
        storage=str(tmp_path / "exchange"),
    )
    assert len(list((tmp_path / "jobs").glob("*_log.out"))) >= 3, "jobs did the work"
    assert not list((tmp_path / "jobs").glob("*.pkl")), "no images are left among the jobs' files"
    _assert_part(run, local)


@pytest.mark.slow
def test_array_jobs_look_at_pictures_of_others_too(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, (height, width) in {"a": (48, 64), "b": (64, 130)}.items():
        hole = np.zeros((height, width), np.uint8)
        hole[10:30, 8:32] = 255
        photo = rng.integers(0, 255, (height, width, 3), np.uint8)
        filled = np.where(hole[..., None] > 0, rng.integers(0, 255, photo.shape, np.uint8), photo)
        for folder, pixels, suffix in (("Au", photo, "png"), ("Gt", hole, "png"), ("Tp", filled, "jpg")):
            (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "set" / folder / f"{name}.{suffix}")
    pictures: dict[str, Any] = {
        "pictures": "set", "detectors": ["laplacian"], "lpips_net": "squeeze", "device": "cpu", "tile": 64,
        "keep_maps": True, "postprocess": ["none", "jpeg:75"],
    }  # fmt: skip
    here = safebench.run(out=tmp_path / "here", **pictures)
    slurm = {"cluster": "local", "folder": str(tmp_path / "jobs"), "timeout_min": "60"}
    there = safebench.run(out=tmp_path / "there", engine="slurm", workers=1, slurm=slurm, **pictures)
    assert not len(here.failures)
    assert list((tmp_path / "jobs").glob("*_log.out")), "jobs did the work"
    assert not list((tmp_path / "jobs").glob("*.pkl")), "no images are left among the jobs' files"
    assert_same_tables(there, here)


def _assert_part(run: safebench.Results, reference: safebench.Results) -> None:
    for table in ("quality", "detection"):
        ours, theirs = getattr(run, table), getattr(reference, table)
        theirs = theirs[theirs["key"].isin(ours["key"])].reset_index(drop=True)
        assert len(ours) >= 8
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


@pytest.mark.slow
def test_a_job_that_is_told_to_end_is_requeued_and_goes_on(tmp_path):
    pytest.importorskip("submitit")
    cloudpickle = pytest.importorskip("cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # jobs may find somebody else's package called `tests`
    executor = _slurm(tmp_path, timeout_min="60")
    rows = [row for batch in executor.run(Told(tmp_path), [task_of(k) for k in range(12)], rows_of) for row in batch]
    assert [row["name"] for row in rows] == [str(k) for k in range(12)]
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert len({process for _, process in calls}) == 2, "the job was requeued"
    assert len(calls) < 6 + 12, "not all that was done is done again"


class Told:
    """Is told at its seventh batch that its time is up, by the signal of submitit's; writes down what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, items):
        return items

    def compute(self, loaded):
        name = loaded[0].name
        if name == "6" and not (self.folder / "told").exists():
            (self.folder / "told").touch()
            os.kill(os.getpid(), signal.SIGUSR2)
        with (self.folder / "calls").open("a") as calls:
            calls.write(f"{name} {os.getpid()}\n")
        while name != "0" and not (self.folder / f"finished-{int(name) - 1}").exists():
            time.sleep(0.005)  # so that the job has something to keep when it is told
        return loaded

    def finish(self, computed):
        (self.folder / f"finished-{computed[0].name}").touch()
        return [Answer({"name": item.name}) for item in computed]
