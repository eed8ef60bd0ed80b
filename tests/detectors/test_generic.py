"""A user's own networks as detectors: TorchScript and ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from safebench.errors import ConfigError, ModelError
from safebench.models import calling
from safebench.testing import DetectorContract, inputs

PHOTOS = inputs.photos(2, (64, 72))


class Bright(nn.Module):
    """How bright each pixel is, as a map."""

    def forward(self, image: Tensor) -> Tensor:
        return image.mean(1, keepdim=True)


class Logits(nn.Module):
    """Scores of two classes at a quarter of the size, for photos normalised as on ImageNet."""

    def forward(self, x: Tensor) -> Tensor:
        grey = nn.functional.avg_pool2d(x, 4).mean(1, keepdim=True)
        return torch.cat([-grey, grey], 1)


def saved(network: nn.Module, file: Path, convention: str = "") -> Path:
    torch.jit.script(network).save(str(file))
    file.with_suffix(".toml").write_text(convention)
    return file


def find(name: str) -> np.ndarray:
    return calling.detect(calling.load_detector(name), PHOTOS).maps


class TestTorchScriptContract(DetectorContract):
    name = "torchscript"

    @pytest.fixture(autouse=True)
    def _network(self, tmp_path: Path) -> None:
        self.weights = saved(Bright(), tmp_path / "net.pt")


def test_plain_maps_come_as_they_are(tmp_path: Path) -> None:
    file = saved(Bright(), tmp_path / "net.pt")
    np.testing.assert_allclose(find(f"torchscript:{file}"), (PHOTOS / 255).mean(-1), atol=1e-6)


def test_normalised_input_softmax_and_small_maps(tmp_path: Path) -> None:
    text = 'mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\nactivation = "softmax"\nmultiple_of = 4'
    file = saved(Logits(), tmp_path / "net.pt", text)
    image = torch.from_numpy(PHOTOS).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    small = Logits()((image - mean[:, None, None]) / std[:, None, None]).softmax(1)[:, 1:]
    expected = nn.functional.interpolate(small, scale_factor=4, mode="bilinear")[:, 0]
    np.testing.assert_allclose(find(f"torchscript:{file}"), expected.numpy(), atol=1e-5)
    odd = inputs.photos(1, (66, 71))
    assert calling.detect(calling.load_detector(f"torchscript:{file}"), odd).maps.shape == (1, 66, 71)


def test_sigmoid_is_applied_only_when_asked(tmp_path: Path) -> None:
    file = saved(Bright(), tmp_path / "net.pt", "range = [-4, 4]")
    with pytest.raises(ModelError, match=r"leaves \[0, 1\]"):
        find(f"torchscript:{file}")
    file.with_suffix(".toml").write_text('range = [-4, 4]\nactivation = "sigmoid"')
    grey = (PHOTOS / 255).mean(-1) * 8 - 4
    np.testing.assert_allclose(find(f"torchscript:{file}"), 1 / (1 + np.exp(-grey)), atol=1e-6)


def test_an_inpainters_convention_and_several_channels_are_refused(tmp_path: Path) -> None:
    file = saved(Logits(), tmp_path / "net.pt", "fill = 1.0")
    with pytest.raises(ConfigError, match="unknown field `fill`"):
        find(f"torchscript:{file}")
    file.with_suffix(".toml").write_text("")
    with pytest.raises(ModelError, match=r"\(1, 2, 16, 18\), which is no picture or map"):
        find(f"torchscript:{file}")


def test_onnx(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra: pip install 'safebench[onnx]' onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'safebench[onnx]'")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("ReduceMean", ["image"], ["map"], axes=[1], keepdims=1)]
    given = helper.make_tensor_value_info("image", kind, [1, 3, "h", "w"])
    result = helper.make_tensor_value_info("map", kind, [1, 1, "h", "w"])
    graph = helper.make_graph(nodes, "net", [given], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    np.testing.assert_allclose(find(f"onnx:{tmp_path / 'net.onnx'}"), (PHOTOS / 255).mean(-1), atol=1e-6)


def test_onnx_maps_that_come_as_8_bit_pictures(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra: pip install 'safebench[onnx]' onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'safebench[onnx]'")
    helper = onnx.helper
    constants = [helper.make_tensor(name, 7, [1], [value]) for name, value in (("from", 0), ("to", 1), ("axis", 1))]
    node = helper.make_node("Slice", ["image", "from", "to", "axis"], ["map"])
    given = helper.make_tensor_value_info("image", 2, [1, 3, "h", "w"])
    result = helper.make_tensor_value_info("map", 2, [1, 1, "h", "w"])
    graph = helper.make_graph([node], "net", [given], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text("range = [0, 255]\noutput_range = [0, 255]")
    np.testing.assert_allclose(find(f"onnx:{tmp_path / 'net.onnx'}"), PHOTOS[..., 0] / 255, atol=1e-6)
    (tmp_path / "net.toml").write_text("range = [0, 255]")
    with pytest.raises(ModelError, match=r"leaves \[0, 1\]: it runs from \d+ to \d+"):
        find(f"onnx:{tmp_path / 'net.onnx'}")
    for text, said in (("output_range = [1, 1]", "known and inpainted have to differ"), ("\x00", r"net\.toml")):
        (tmp_path / "net.toml").write_text(text)
        with pytest.raises(ConfigError, match=said):
            find(f"onnx:{tmp_path / 'net.onnx'}")
    (tmp_path / "net.toml").write_bytes(b"\xef\xbb\xbfrange = [0, 255]\noutput_range = [0, 255]")  # as Notepad saves it
    assert find(f"onnx:{tmp_path / 'net.onnx'}").max() <= 1
