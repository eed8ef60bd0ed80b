"""Published networks: what the authors' code makes of their rebuilt checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from safebench.models.calling import Holes, Photos


@dataclass(frozen=True)
class Golden:
    """A photo and a hole, as batches of one, and the authors' result on the rebuilt checkpoint."""

    photos: Photos
    holes: Holes
    raw: NDArray[np.float32]
    composite: Photos


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
