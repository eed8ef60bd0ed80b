"""The picture that the tests of detectors' trainings begin with, and published networks on drawn weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_detectors._histories import compressed

from safebench.errors import WeightsError
from safebench.inputs.images import to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.metrics.auc import pixel_auc
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


@pytest.fixture
def on_val(shared: Path) -> Callable[..., tuple[float, dict[str, float]]]:
    """Looks with a detector at five photos of BSDS500's val set, untouched and filled: the share of the untouched ones
    that it leaves alone, and its mean pixel AUC of each inpainter's fillings; all saved as JPEG of `quality` where one
    is named."""

    def seen(pictures: np.ndarray, quality: int | None) -> np.ndarray:
        return pictures if quality is None else np.stack([compressed(picture, quality) for picture in pictures])

    def look(name: str, *inpainters: str, quality: int | None = None) -> tuple[float, dict[str, float]]:
        chosen = open_photos(str(shared / "data/bsds500/val")).photos()[::20]
        photos = np.stack([to_square(photo.load(), 256) for photo in chosen])
        masks = open_masks("irregular", 3)
        names = list(masks.index(256).values())[3]
        holes = np.stack([masks.load(name, 256) for name in names[: len(photos)]])
        detector = calling.load_detector(name, device="cpu")
        spared = float((calling.detect(detector, seen(photos, quality)).scores < 0.5).mean())
        aucs = {}
        for inpainter in inpainters:
            filler = calling.load_inpainter(inpainter, device="cpu")
            filled = calling.composite(photos, holes, calling.inpaint(filler, photos, holes))
            maps = calling.detect(detector, seen(filled, quality)).maps
            aucs[inpainter] = float(np.mean([pixel_auc(map_, hole) for map_, hole in zip(maps, holes, strict=True)]))
        return spared, aucs

    return look
