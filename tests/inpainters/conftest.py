"""Published networks: their checkpoints, rebuilt from keys and shapes, and what the authors' code makes of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from numpy.typing import NDArray

from safebench.models import Holes, Photos

Rebuild = Callable[[str], Path]


@dataclass(frozen=True)
class Golden:
    """A photo and a hole, as batches of one, and the authors' result on the rebuilt checkpoint."""

    photos: Photos
    holes: Holes
    raw: NDArray[np.float32]
    composite: Photos


@pytest.fixture(scope="session")
def rebuilt(shared: Path) -> Iterator[Rebuild]:
    """The folder with a network's checkpoint files, made once per session and deleted at its end."""
    path = shared / "parity" / "weights.py"
    spec = importlib.util.spec_from_file_location("parity_weights", path)
    assert spec is not None
    assert spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    with TemporaryDirectory() as folder:  # hundreds of megabytes, which pytest's own folders would keep

        def rebuild(name: str) -> Path:
            place = Path(folder) / name
            if not place.exists():
                recipe.write(name, place)
            return place

        yield rebuild


@pytest.fixture
def golden(shared: Path) -> Callable[..., Golden]:
    """`golden(network)` or `golden(network, file)`: a case that the authors' code has solved."""

    def read(network: str, file: str = "golden_0") -> Golden:
        with np.load(shared / "parity" / network / f"{file}.npz") as case:
            return Golden(
                photos=case["image"][None],
                holes=case["mask"][None] > 127,
                raw=case["raw"][None],
                composite=case["composite"][None],
            )

    return read
