"""`--rerun MODEL`: its results are made again, and nobody else's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import safebench
from safebench.errors import ConfigError
from safebench.inputs.images import read_photo, save_png
from safebench.metrics import perceptual
from safebench.work.watching import Silent

from .test_keeping import _no_backbone


class Fresh(Silent):
    """Counts what was made anew, by stage."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.title = ""

    def begin(self, title: str, total: int) -> None:
        self.title = title

    def advance(self, done: int, *, fresh: bool = True) -> None:
        if fresh and done and ": " in self.title:
            self.made[self.title] += done


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(perceptual, "load_perceptual", _no_backbone)

    def runs(*rerun: str) -> tuple[safebench.Results, dict[str, int]]:
        fresh = Fresh()
        results = safebench.run(
            inpainters=["telea", "copy"], detectors=["laplacian"], limit=1, bins="10-20", size=64, device="cpu",
            out=tmp_path / "run", rerun=list(rerun), watcher=fresh,
        )  # fmt: skip
        return results, dict(fresh.made)

    return runs


def test_a_model_is_run_again_alone_and_gives_the_same(run):
    first, _ = run()
    assert run()[1] == {}
    composite = first.folder / Path(first.quality.set_index("inpainter").loc["telea", "composite"])
    made = read_photo(composite)
    save_png(composite, np.zeros_like(made))
    again, fresh = run("Telea")
    assert fresh == {"Inpainting: telea": 1}
    np.testing.assert_array_equal(read_photo(composite), made)
    pd.testing.assert_frame_equal(again.quality, first.quality)
    again, fresh = run("laplacian")
    assert fresh == {"Detecting: laplacian": 3}
    pd.testing.assert_frame_equal(again.detection, first.detection)
    assert run()[1] == {}


def test_a_model_that_takes_no_part_is_told(run):
    with pytest.raises(ConfigError, match="lama: no model of that name takes part"):
        run("lama")
