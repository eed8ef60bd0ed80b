"""The picture that the tests of detectors' trainings begin with, and published networks on drawn weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from safebench.errors import WeightsError
from safebench.models import calling
from safebench.models.contracts import Detector
from safebench.testing import inputs
from tests.drawn import drawn_by

HERE = Path(__file__).parent
SIDE = 64


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, (SIDE, SIDE))[0]


@pytest.fixture
def hole():
    hole = np.zeros((SIDE, SIDE), bool)
    hole[20:44, 12:50] = True
    return hole


@pytest.fixture(scope="session")
def drawn() -> Iterator[Callable[[str], Path]]:
    """`drawn(network)`: a checkpoint in the published layout, drawn as benchmarks/made_up_detectors.py says."""
    yield from drawn_by("made_up_detectors.py")


@pytest.fixture
def golden_map() -> Callable[..., None]:
    """`golden_map(model)`, or `golden_map(model, file)`, holds a model on drawn weights against a part of its authors'
    map, which benchmarks/golden_maps.py wrote."""

    def check(model: Detector, file: str = "") -> None:
        expected = np.load(HERE / "golden" / f"{file or model.card.name}.npy")
        found = calling.detect(model, inputs.photos(1, inputs.sizes(model.card)[-1])).maps[0]
        np.testing.assert_allclose(found[::8, ::8], expected, atol=1e-4, rtol=0)
        assert expected.std() > 0.02, "a map without anything in it compares nothing"

    return check


@pytest.fixture
def refuses_code(tmp_path: Path) -> Callable[[str, Callable[[object], object]], None]:
    """`refuses_code(network, wrap)` loads a checkpoint that would run code, laid out by `wrap`."""

    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "it-ran",))

    def check(network: str, wrap: Callable[[object], object]) -> None:
        file = tmp_path / "weights.pth"
        torch.save(wrap(Runs()), file)
        with pytest.raises(WeightsError, match="refused, nothing of it was run"):
            calling.load_detector(network, weights=file, device="cpu")
        assert not (tmp_path / "it-ran").exists()

    return check
