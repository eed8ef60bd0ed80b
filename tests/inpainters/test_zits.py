"""ZITS: the authors' numbers, what it draws first, photos of any shape, and what checkpoints it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safebench_inpainters.zits.places import places, small_hole
from safebench_inpainters.zits.structure import Doubling, complete

from safebench import load_inpainter
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs


@pytest.fixture(scope="module")
def folder(drawn: Callable[..., Path]) -> Path:
    return drawn("zits")


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "zits"
    sizes = ((64, 90),)

    @pytest.fixture(autouse=True)
    def _use_folder(self, folder: Path) -> None:
        self.weights = folder

    def test_batch_equals_single_calls(self) -> None:
        """Of two, since each takes seconds."""
        model = self._load()
        photos, holes = inputs.photos(2, (64, 90)), inputs.holes(2, (64, 90))
        together = calling.inpaint(model, photos, holes)
        np.testing.assert_allclose(calling.inpaint(model, photos[1:], holes[1:])[0], together[1], atol=1e-5, rtol=0)


@pytest.mark.slow
def test_computes_what_the_authors_code_computes(folder: Path) -> None:
    """In double precision, since what is drawn first may hang on a last digit; edges are looked for in the hole too."""
    model: Any = load_inpainter("zits", weights=folder, device="cpu")
    model.sees_hole = True
    for network in model.networks.values():
        network.double()
    photo = torch.from_numpy(inputs.photos(1, (256, 256))).permute(0, 3, 1, 2).double() / 255
    hole = torch.from_numpy(inputs.holes(1, (256, 256)))[:, None].double()
    with torch.inference_mode():
        raw = type(model).inpaint(model, photo, hole)[0, :, ::16, ::16].numpy()
    np.testing.assert_allclose(raw, np.load(Path(__file__).parent / "golden" / "zits.npy"), atol=1e-6, rtol=0)


class Told(torch.nn.Module):
    """Stands in for the transformer: an edge in the left half, lines everywhere; surest at the top."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[int] = []

    def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        picture, hole = given[0], given[-1]
        assert picture[..., 5:15, 5:15].abs().max() == 0, "what was hidden is seen when its pixels are filled in"
        assert picture[..., :5, :].min() == 1
        self.left.append(int(hole.sum()))
        edge = torch.full(hole.shape, -4.0)
        edge[..., : hole.shape[-1] // 2] = 4
        return edge + torch.linspace(0.1, 0, hole.shape[-2])[:, None] * edge.sign(), torch.ones(hole.shape)


def test_a_hole_is_filled_in_five_rounds_and_what_is_known_stays() -> None:
    network: Any = Told()
    hole = torch.zeros(1, 1, 20, 20)
    hole[..., 5:15, 5:15] = 1
    known = torch.zeros(1, 1, 20, 20)
    known[..., 2, :] = 1
    before = hole.clone()
    edges, lines = complete(network, torch.ones(1, 3, 20, 20), known, known / 2, hole)
    assert network.left == [100, 80, 48, 20, 4]
    assert torch.equal(hole, before)
    assert torch.equal(edges[..., 2, :], torch.ones(1, 1, 20))
    assert edges[0, 0, 5:15, 5:10].min() == 1
    assert edges[0, 0, 5:15, 10:15].max() == 0
    torch.testing.assert_close(lines[0, 0, 5:15, 5:15], torch.full((10, 10), 4.2).sigmoid())
    assert lines[0, 0, 2].tolist() == [0.5] * 20


def test_places_in_a_hole() -> None:
    hole = np.zeros((256, 256), bool)
    hole[100:107, 50:57] = True
    distances, facing = places(hole)
    assert distances[103, 50:57].tolist() == [1, 2, 3, 4, 3, 2, 1]
    assert distances[~hole].max() == 0
    assert facing[100, 50].tolist() == [1, 1, 1, 0]
    assert facing[106, 56].tolist() == [0, 1, 1, 1]
    wide, corners = places(hole.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(wide[::2, ::2], distances)
    np.testing.assert_array_equal(corners[1::2, 1::2], facing)
    assert places(np.ones((256, 256), bool))[0].max() == 0, "there is nothing to be far from"
    assert small_hole(np.eye(512, dtype=bool)).sum() == 256


class Runs:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('a checkpoint was run')",)


def test_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """Of the smallest of its files, and of one that holds the wrong network."""
    doubling, transformer = tmp_path / "StructureUpsampling.pth", tmp_path / "best_transformer_places2.pth"
    good, key = Doubling().state_dict(), "convs.1.weight"
    torch.save({"model": good}, transformer)
    torch.save({}, tmp_path / "InpaintingModel_best_gen.pth")
    for held, said in (
        ({"model": {**good, "more": torch.zeros(1)}}, r"unexpected \(more\)"),
        ({"model": {**good, key: torch.zeros(1)}}, rf"misshapen \({key}: \[1\]"),
        ({"model": {k: v for k, v in good.items() if k != key}}, rf"missing \({key}\)"),
        ({"model": {**good, "x": Runs()}}, "refused, nothing of it was run"),
        (good, "it has no 'model'"),
    ):
        torch.save(held, doubling)
        with pytest.raises(WeightsError, match=rf"StructureUpsampling\.pth.*{said}"):
            load_inpainter("zits", weights=tmp_path, device="cpu")
    torch.save({"model": good}, doubling)
    with pytest.raises(WeightsError, match=r"best_transformer_places2\.pth: this checkpoint does not fit.*missing"):
        load_inpainter("zits", weights=tmp_path, device="cpu")
    doubling.unlink()
    with pytest.raises(
        WeightsError, match=r"has to be the folder that holds StructureUpsampling\.pth|best_transformer"
    ):
        load_inpainter("zits", weights=tmp_path, device="cpu")
