"""A third party's recipe of a few dozen parameters, and photos to train it on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safebench.models import registry
from safebench.training.config import make_configs
from safebench.training.loop import Trainer
from safebench.work.watching import Silent
from tests.forking import COMMAND_LINE, Forked, run_forked


@pytest.fixture
def recipes(plugin: Path, monkeypatch: pytest.MonkeyPatch):
    """The fake plug-in's recipe is known in this process."""
    monkeypatch.syspath_prepend(str(plugin))
    registry.refresh()
    yield
    registry.refresh()


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for k in range(24):
        small = Image.fromarray(generator.integers(0, 256, (6, 8, 3), np.uint8))
        small.resize((80 + k, 64), Image.Resampling.BICUBIC).save(folder / f"{k:02d}.png")
    return folder


@pytest.fixture
def train(recipes, photos):
    """Train in this process: train(out, resume=..., preset=..., **options) gives the trainer."""

    def run(out: Path, *, resume: bool = False, preset: str = "", **options) -> Trainer:
        entry, _ = registry.find("recipes", "mean-fill")
        small = {"resolution": 32, "batch_size": 2, "steps": 6, "validate_every": 3, "validation_photos": 3}
        given = {"images": [str(photos)], "device": "cpu", "out": str(out), **small, **options}
        config, own = make_configs(entry.load_class(), entry.name, preset, None, given)
        trainer = Trainer(entry, entry.load_class()(entry.card, own), config, preset, Silent())
        trainer.run(resume)
        return trainer

    return run


LAUNCHED = """
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from safebench.cli import main

elastic_launch(LaunchConfig(
    min_nodes=1, max_nodes=1, nproc_per_node={processes}, max_restarts=0, start_method="fork",
    run_id="test", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
), main)()
"""
"""What `python -m torch.distributed.run --standalone -m safebench` does, without importing torch for each process."""


class Command:
    """`safebench train mean-fill` in a process of its own."""

    def __init__(self, plugin: Path, photos: Path) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(plugin), "OMP_NUM_THREADS": "1"}
        self.photos = photos

    def arguments(self, out: Path, *more: str) -> list[str]:
        batch = [] if "--batch-size" in more else ["--batch-size", "2"]
        sizes = ["--resolution", "32", *batch, "--set", "validation_photos=4"]
        return ["safebench", "train", "mean-fill", "--images", str(self.photos), "--out", str(out), *sizes, *more]

    def start(self, out: Path, *more: str, **environment: str) -> Forked:
        arguments = self.arguments(out, "--device", "cpu", *more)
        return Forked(COMMAND_LINE, out.parent, self.environment | environment, arguments)

    def run(self, out: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.start(out, *more, **environment).finish()

    def launch(self, out: Path, processes: int, *more: str) -> subprocess.CompletedProcess[str]:
        """The command in several processes, as torch's launcher starts them."""
        code = LAUNCHED.format(processes=processes)
        return run_forked(code, out.parent, self.environment, self.arguments(out, "--device", "cpu", *more))


@pytest.fixture(scope="session")
def command(plugin: Path, photos: Path) -> Command:
    return Command(plugin, photos)


def _read_log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def losses():
    """The losses of a training by step."""

    def read(folder: Path) -> dict[int, float]:
        return {entry["step"]: entry["l1"] for entry in _read_log(folder) if "l1" in entry}

    return read


@pytest.fixture
def read_log():
    """All entries of a training's log."""
    return _read_log
