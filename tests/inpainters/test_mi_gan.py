"""MI-GAN: the authors' numbers at both sizes, their pipeline, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from safebench import load_inpainter
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.models.toolbox.holes import spread_known
from safebench.testing import InpainterContract, inputs


@pytest.fixture(scope="module")
def checkpoint(drawn: Callable[..., Path]) -> Path:
    return drawn("mi-gan")


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "mi-gan"
    sizes = ((256, 256),)
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint: Path) -> None:
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(checkpoint: Path, golden_pixels: Callable[..., Any]) -> None:
    golden_pixels("mi-gan", load_inpainter("mi-gan", weights=checkpoint, device="cpu"))


@pytest.mark.slow
def test_computes_what_the_authors_code_computes_at_512(drawn: Any, golden_pixels: Callable[..., Any]) -> None:
    model = load_inpainter("mi-gan", weights=drawn("mi-gan-512"), device="cpu")
    golden_pixels("mi-gan-512", model)
    with pytest.raises(ModelError, match="takes 512x512 pixels only, not 256x256"):
        calling.inpaint(model, inputs.photos(1, (256, 256)), inputs.holes(1, (256, 256)))


@pytest.mark.parametrize("size", [(64, 64), (256, 257), (512, 512)])
def test_refuses_another_size(checkpoint: Path, size: tuple[int, int]) -> None:
    model = load_inpainter("mi-gan", weights=checkpoint, device="cpu")
    with pytest.raises(ModelError, match=rf"takes 256x256 pixels only, not {size[1]}x{size[0]}.*mi-gan:pipeline"):
        calling.inpaint(model, inputs.photos(1, size), inputs.holes(1, size))


def test_refuses_what_does_not_fit(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    file = tmp_path / "migan.pt"

    def refusal(changed: dict[str, Tensor]) -> str:
        torch.save(changed, file)
        with pytest.raises(WeightsError) as caught:
            load_inpainter("mi-gan", weights=file, device="cpu")
        return str(caught.value)

    kept = {key: value for key, value in state.items() if key.startswith("encoder.b4.")}
    assert "missing (encoder.b256.fromrgb.weight" in refusal(kept)
    assert "unexpected (more)" in refusal({**state, "more": torch.zeros(1)})
    key = "synthesis.b8.conv1.upsample.filter_const"
    assert f"misshapen ({key}: [8], not [1, 1, 8, 8])" in refusal({**state, key: torch.zeros(8)})
    said = refusal({**state, key: torch.ones(1, 1, 8, 8)})
    assert said.startswith("mi-gan: ")
    assert f"{key} is not the published one" in said


class Graph(nn.Module):
    """Stands in for the authors' graph: 8-bit photo and mask, the hole painted with the photo's mean colour, its rim
    with what the photo holds there."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        known = mask.float() / 255
        wide = nn.functional.max_pool2d(known, 3, stride=1, padding=1)
        mean = (image * known).mean((2, 3), keepdim=True) + 0 * image
        return (image * wide + mean * (1 - wide)).to(torch.uint8)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'safebench[onnx]'")
    pytest.importorskip("onnx", reason="needs onnx to write graphs: pip install onnx")
    file = tmp_path_factory.mktemp("graph") / "migan_pipeline_v2.onnx"
    export(Graph(), (torch.ones(1, 3, 32, 32, dtype=torch.uint8), torch.ones(1, 1, 32, 32, dtype=torch.uint8)), file)
    return file


def export(network: nn.Module, example: tuple[Tensor, ...], file: Path) -> None:
    sides = {2: "height", 3: "width"}
    names = ["image", "mask"][: len(example)]
    torch.onnx.export(
        network,
        example,
        str(file),
        input_names=names,
        output_names=["result"],
        dynamic_axes=dict.fromkeys([*names, "result"], sides),
        opset_version=17,
        dynamo=False,
    )


@pytest.mark.parametrize("size", [(64, 64), (61, 90)])
def test_pipeline_gets_and_gives_eight_bits_of_any_size(graph: Path, size: tuple[int, int]) -> None:
    model = load_inpainter("mi-gan:pipeline", weights=graph, device="cpu")
    photos, holes = inputs.photos(2, size), inputs.holes(2, size)
    answer = calling.inpaint(model, photos, holes)
    levels = np.rint(answer * 255).astype(np.uint8)
    np.testing.assert_allclose(answer, levels / 255.0, atol=1e-6)
    for k in range(2):
        seen = spread_known(_tensor(photos[k]), torch.from_numpy(holes[k]).float()[None, None])
        known = torch.from_numpy(~holes[k])[None, None].to(torch.uint8) * 255
        expected = Graph()(seen.mul(255).round().to(torch.uint8), known)
        np.testing.assert_array_equal(levels[k], expected[0].permute(1, 2, 0).numpy())


def test_pipelines_rim_holds_no_black_and_nothing_of_what_is_hidden(graph: Path) -> None:
    model = load_inpainter("mi-gan:pipeline", weights=graph, device="cpu")
    photos, holes = np.full((1, 40, 40, 3), 200, np.uint8), np.zeros((1, 40, 40), bool)
    holes[0, 10:30, 10:30] = True
    photos[holes] = 90
    rim = np.rint(calling.inpaint(model, photos, holes) * 255)[0, 10, 10:30]
    assert (rim == 200).all()
    model.sees_hole = True  # as the authors run it
    rim = np.rint(calling.inpaint(model, photos, holes) * 255)[0, 10, 11:29]
    assert (rim == 90).all()


def test_pipeline_leaves_a_photo_without_a_hole(graph: Path) -> None:
    model = load_inpainter("mi-gan:pipeline", weights=graph, device="cpu")
    photos = inputs.photos(1, (40, 48))
    answer = calling.inpaint(model, photos, np.zeros((1, 40, 48), bool))
    np.testing.assert_array_equal(np.rint(answer * 255), photos)


def test_refuses_another_graph(graph: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    export(nn.Identity(), (torch.zeros(1, 4, 32, 32),), other)
    with pytest.raises(WeightsError, match=r"other\.onnx: is not MI-GAN's pipeline.*it takes float32"):
        load_inpainter("mi-gan", weights=other, device="cpu")
    other.write_bytes(graph.read_bytes()[:200])
    with pytest.raises(WeightsError, match=r"other\.onnx"):
        load_inpainter("mi-gan", weights=other, device="cpu")


def _tensor(photo: np.ndarray) -> Tensor:
    return torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
