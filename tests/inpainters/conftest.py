"""Published networks: what the authors' code makes of their rebuilt checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from safebench.models import calling
from safebench.models.calling import Holes, Photos
from safebench.models.contracts import Inpainter
from safebench.testing import inputs
from tests.drawn import drawn_by

HERE = Path(__file__).parent


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


@pytest.fixture(scope="session")
def drawn() -> Iterator[Callable[[str], Path]]:
    """`drawn(network)`: a checkpoint in the published layout, its numbers drawn as benchmarks/made_up.py says."""
    yield from drawn_by("made_up.py")


@pytest.fixture
def golden_pixels() -> Callable[..., None]:
    """`golden_pixels(network, model)` holds a model on drawn weights against pixels of the authors' answer, which
    benchmarks/golden.py wrote; `side` is the picture's.  Or `filled`, the first made-up photo as it has filled it."""

    def check(
        network: str, model: Inpainter | None = None, side: int = 256, filled: NDArray[np.float32] | None = None
    ) -> None:
        expected = np.load(HERE / "golden" / f"{network}.npy")
        size = (512, 512) if network.endswith("-512") else (side, side)
        raw = filled if model is None else calling.inpaint(model, inputs.photos(1, size), inputs.holes(1, size))[0]
        assert raw is not None
        step = size[0] // expected.shape[-1]
        np.testing.assert_allclose(raw[::step, ::step].transpose(2, 0, 1), expected, atol=1e-4, rtol=0)
        assert ((expected > 0) & (expected < 1)).mean() > 0.9, "the answer is hidden by its clipping"

    return check
