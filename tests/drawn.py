"""Checkpoints of published networks in their layout, whose numbers a script of benchmarks/ draws."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def drawn_by(script: str) -> Iterator[Callable[[str], Path]]:
    """Yields a function from a network's name to its checkpoint, each drawn once; they are gone afterwards."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(BENCHMARKS)
        states = runpy.run_path(str(BENCHMARKS / script))["STATES"]
        save = runpy.run_path(str(BENCHMARKS / "made_up.py"))["save"]
    with TemporaryDirectory() as folder:  # large files, which pytest's own folders would keep

        def draw(network: str) -> Path:
            file = Path(folder) / f"{network}.pth"
            if not file.exists():
                with pytest.MonkeyPatch.context() as patched:
                    for initialise in ("uniform_", "normal_"):  # all is drawn anew, and the first draws cost as much
                        patched.setattr(torch.Tensor, initialise, lambda tensor, *_, **__: tensor)
                    save(states[network](), file)
            return file

        yield draw
