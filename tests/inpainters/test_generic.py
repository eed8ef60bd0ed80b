"""A user's own networks as inpainters: TorchScript and ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from safebench.errors import ConfigError, ModelError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs
from tests.forking import run_forked

PHOTOS, HOLES = inputs.photos(2, (64, 72)), inputs.holes(2, (64, 72))


class Separate(nn.Module):
    """Image and mask apart, in [0, 1]; the hole is filled by what is blurred into it."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        blurred = nn.functional.avg_pool2d(image, 5, stride=1, padding=2)
        return image * (1 - mask) + blurred * mask


class Joined(nn.Module):
    """Mask first, then the image in [-1, 1] as BGR, the hole white and marked by 0; halves its input's sides twice."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mask, image = x[:, :1], x[:, 1:]
        seen = nn.functional.interpolate(nn.functional.avg_pool2d(x, 4), scale_factor=4.0)
        return seen, image * 1.0 + (1 - mask) * 0.0


CONVENTION = """
inputs = ["mask+image"]
range = [-1, 1]
channels = "BGR"
hole = 0
fill = 1.0
multiple_of = 4
output = 1
"""


def saved(network: nn.Module, file: Path, convention: str = "") -> Path:
    torch.jit.script(network).save(str(file))
    file.with_suffix(".toml").write_text(convention)
    return file


def fill(name: str, seed: int = 0) -> np.ndarray:
    return calling.inpaint(calling.load_inpainter(name, seed=seed), PHOTOS, HOLES)


class TestTorchScriptContract(InpainterContract):
    name = "torchscript"

    @pytest.fixture(autouse=True)
    def _network(self, tmp_path: Path) -> None:
        self.weights = saved(Separate(), tmp_path / "net.pt")


def test_by_default_a_network_is_called_as_safebench_hands_over(tmp_path: Path) -> None:
    """No .toml: image with the hole blanked, then the mask."""
    file = tmp_path / "net.pt"
    torch.jit.script(Separate()).save(str(file))
    blanked = np.where(HOLES[..., None], 0, PHOTOS)
    image = torch.from_numpy(blanked).permute(0, 3, 1, 2).float() / 255
    expected = Separate()(image, torch.from_numpy(HOLES[:, None].astype(np.float32)))
    np.testing.assert_allclose(fill(f"torchscript:{file}"), expected.permute(0, 2, 3, 1).numpy(), atol=1e-6)


def test_a_convention_is_followed_there_and_back(tmp_path: Path) -> None:
    """The network returns what it saw: the photo where known, the fill in the hole, whatever the encoding."""
    file = saved(Joined(), tmp_path / "net.pt", CONVENTION)
    expected = np.where(HOLES[..., None], 1.0, PHOTOS / 255)
    np.testing.assert_allclose(fill(f"torchscript:{file}"), expected, atol=1e-6)


def test_odd_sizes_are_padded_and_cropped(tmp_path: Path) -> None:
    file = saved(Joined(), tmp_path / "net.pt", CONVENTION)
    photos, holes = inputs.photos(1, (65, 70)), inputs.holes(1, (65, 70))
    raw = calling.inpaint(calling.load_inpainter(f"torchscript:{file}"), photos, holes)
    np.testing.assert_allclose(raw, np.where(holes[..., None], 1.0, photos / 255), atol=1e-6)
    (tmp_path / "net.toml").write_text('inputs = ["mask+image"]\nsize = [64, 64]\noutput = 1')
    with pytest.raises(ModelError, match=r"net\.pt: takes 64x64 pixels only, as its \.toml says, not 70x65"):
        calling.inpaint(calling.load_inpainter(f"torchscript:{file}"), photos, holes)


def test_values_beyond_the_range_are_an_error_or_clipped_when_asked(tmp_path: Path) -> None:
    class Bright(nn.Module):
        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            return image * 255 + mask * 300

    file = saved(Bright(), tmp_path / "net.pt", "output_range = [0, 255]")
    with pytest.raises(ModelError, match=r"leaves \[0, 1\]"):
        fill(f"torchscript:{file}")
    file.with_suffix(".toml").write_text("output_range = [0, 255]\nclip = true")
    assert fill(f"torchscript:{file}").max() == 1


def test_random_draws_follow_the_seed_for_each_image(tmp_path: Path) -> None:
    class Random(nn.Module):
        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            return torch.rand_like(image) * mask

    file = saved(Random(), tmp_path / "net.pt")
    one, again, other = fill(f"torchscript:{file}"), fill(f"torchscript:{file}"), fill(f"torchscript:{file}", seed=1)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1
    both = HOLES[0] & HOLES[1]
    np.testing.assert_array_equal(one[0][both], one[1][both])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs = [", "net.toml: "),
        ("polarity = 1", "unknown field `polarity`"),
        ("hole = 2", "hole"),
        ('inputs = ["image", "depth"]', "inputs"),
        ("range = [1, 1]", "black and white have to differ"),
        ("std = [1, 0, 1]", "every std"),
        ("multiple_of = 0", "multiple_of"),
    ],
)
def test_a_wrong_convention_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = saved(Separate(), tmp_path / "net.pt", text)
    with pytest.raises(ConfigError) as caught:
        calling.load_inpainter(f"torchscript:{file}")
    assert said in str(caught.value)
    assert str(tmp_path / "net.toml") in str(caught.value)


def test_a_network_that_does_not_suit_its_convention_is_told(tmp_path: Path) -> None:
    file = saved(Separate(), tmp_path / "net.pt", 'inputs = ["image+mask"]')
    with pytest.raises(ModelError, match=r"net\.pt: the network failed: .*does its \.toml say what it takes"):
        fill(f"torchscript:{file}")
    file = saved(Joined(), tmp_path / "two.pt", CONVENTION.replace("output = 1", "output = 7"))
    with pytest.raises(ModelError, match=r"two\.pt: the network has no output 7"):
        fill(f"torchscript:{file}")
    file = saved(Joined(), tmp_path / "three.pt", CONVENTION.replace("output = 1", "output = 0"))
    with pytest.raises(ModelError, match=r"three\.pt: its output has the shape \(1, 4, 64, 72\), which is no picture"):
        fill(f"torchscript:{file}")


def test_files_that_are_no_program(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "state.pth")
    with pytest.raises(WeightsError, match="a checkpoint without a program"):
        calling.load_inpainter(f"torchscript:{tmp_path / 'state.pth'}")
    (tmp_path / "other.pt").write_bytes(bytes(20))
    with pytest.raises(WeightsError, match="is no TorchScript program"):
        calling.load_inpainter(f"torchscript:{tmp_path / 'other.pt'}")
    with pytest.raises(WeightsError, match="say which network, as torchscript:FILE"):
        calling.load_inpainter("torchscript")


class Half(nn.Module):
    """Convolves in half precision; its weights hand the picture through."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1, bias=False).half()
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(3)[:, :, None, None])

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return self.layer(image) * (1 - mask) + 0.5 * mask


def test_a_program_in_half_precision_says_so_in_its_toml(tmp_path: Path) -> None:
    file = saved(Half(), tmp_path / "net.pt", 'dtype = "float16"')
    np.testing.assert_allclose(fill(f"torchscript:{file}"), np.where(HOLES[..., None], 0.5, PHOTOS / 255), atol=2**-11)
    file.with_suffix(".toml").write_text("")
    with pytest.raises(ModelError, match=r'the network failed: .*; its numbers are float16: say dtype = "float16" in'):
        fill(f"torchscript:{file}")


def test_a_program_of_8_bit_pictures(tmp_path: Path) -> None:
    """Levels are rounded, not cut off; the mask is a picture too, black in the hole."""

    class Eight(nn.Module):
        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            assert image.dtype == torch.uint8
            assert mask.dtype == torch.uint8
            return torch.where(mask == 0, torch.full_like(image, 51), image)

    text = 'dtype = "uint8"\nrange = [0, 255]\nmask_range = [0, 255]\nhole = 0'
    file = saved(Eight(), tmp_path / "net.pt", text)
    filled = calling.composite(PHOTOS, HOLES * False, fill(f"torchscript:{file}"))
    np.testing.assert_array_equal(filled, PHOTOS)
    levels = np.rint(fill(f"torchscript:{file}") * 255)
    np.testing.assert_array_equal(levels, np.where(HOLES[..., None], 51, PHOTOS))
    for wrong in ("", "range = [-1, 1]", "range = [0, 255]\nmean = [0.5, 0.5, 0.5]", "range = [0, 510]"):
        file.with_suffix(".toml").write_text(f'dtype = "uint8"\n{wrong}')
        with pytest.raises(ConfigError, match=r"net\.toml: the network takes its pictures as uint8; say in this file"):
            fill(f"torchscript:{file}")


# -- ONNX ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def graph(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX graph that fills the hole with a colour: output = image * (1 - mask) + colour * mask."""
    onnx = pytest.importorskip("onnx", reason="needs the extra: pip install 'safebench[onnx]' onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'safebench[onnx]'")
    helper = onnx.helper

    def whole(value: float) -> float:
        return int(value) if value >= 1 else value

    def write(file: str = "net.onnx", colour: float = 0.25, kind: int = onnx.TensorProto.FLOAT) -> Path:
        constants = [helper.make_tensor(n, kind, [], [v]) for n, v in (("one", whole(1.0)), ("colour", whole(colour)))]
        nodes = [
            helper.make_node("Sub", ["one", "mask"], ["known"]),
            helper.make_node("Mul", ["image", "known"], ["kept"]),
            helper.make_node("Mul", ["colour", "mask"], ["filled"]),
            helper.make_node("Add", ["kept", "filled"], ["output"]),
        ]
        shaped = {"image": 3, "mask": 1}
        given = [helper.make_tensor_value_info(n, kind, [1, c, "h", "w"]) for n, c in shaped.items()]
        result = [helper.make_tensor_value_info("output", kind, [1, 3, "h", "w"])]
        made = helper.make_graph(nodes, "net", given, result, constants)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / file)
        return tmp_path / file

    return write


class TestOnnxContract(InpainterContract):
    name = "onnx"

    @pytest.fixture(autouse=True)
    def _network(self, graph: Callable[..., Path]) -> None:
        self.weights = graph()


def test_onnx_graphs_in_single_and_half_precision(graph: Callable[..., Path]) -> None:
    expected = np.where(HOLES[..., None], 0.25, PHOTOS / 255)
    np.testing.assert_allclose(fill(f"onnx:{graph()}"), expected, atol=1e-6)
    np.testing.assert_allclose(fill(f"onnx:{graph('half.onnx', kind=10)}"), expected, atol=1e-3)


def test_onnx_graphs_of_8_bit_pictures(graph: Callable[..., Path]) -> None:
    file = graph("eight.onnx", kind=2, colour=51)
    with pytest.raises(ConfigError, match=r"eight\.toml: the network takes its pictures as uint8"):
        fill(f"onnx:{file}")
    file.with_suffix(".toml").write_text("range = [0, 255]")
    levels = fill(f"onnx:{file}") * 255
    np.testing.assert_allclose(levels, np.where(HOLES[..., None], 51, PHOTOS), atol=1e-4)
    file.with_suffix(".toml").write_text('range = [0, 255]\ndtype = "float16"')
    with pytest.raises(ConfigError, match=r'dtype = "float16", but the network takes uint8, uint8; leave it out'):
        fill(f"onnx:{file}")


def test_onnx_graphs_with_channels_last(tmp_path: Path) -> None:
    """As cameras' and phones' networks have them: bytes, rows, columns, then colours; the mask true in the hole."""
    onnx = pytest.importorskip("onnx", reason="needs the extra: pip install 'safebench[onnx]' onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'safebench[onnx]'")
    helper = onnx.helper
    node = helper.make_node("Where", ["mask", "grey", "image"], ["output"])
    image = helper.make_tensor_value_info("image", 2, [1, "h", "w", 3])
    mask = helper.make_tensor_value_info("mask", 9, [1, "h", "w", 1])
    result = helper.make_tensor_value_info("output", 2, [1, "h", "w", 3])
    made = helper.make_graph([node], "net", [image, mask], [result], [helper.make_tensor("grey", 2, [], [128])])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text('range = [0, 255]\nlayout = "NHWC"\nmultiple_of = 16')
    levels = fill(f"onnx:{tmp_path / 'net.onnx'}") * 255
    np.testing.assert_allclose(levels, np.where(HOLES[..., None], 128, PHOTOS), atol=1e-4)


def test_onnx_errors(graph: Callable[..., Path], tmp_path: Path) -> None:
    file = graph()
    file.with_suffix(".toml").write_text('inputs = ["image+mask"]')
    with pytest.raises(ModelError, match=r"it takes 2 inputs \(image, mask\), not 1"):
        fill(f"onnx:{file}")
    file.with_suffix(".toml").write_text('output = "nothing"')
    with pytest.raises(ModelError, match="has no output 'nothing'"):
        fill(f"onnx:{file}")
    with pytest.raises(WeightsError, match=r"takes tensor\(uint16\), .*; of these only tensor\(float\), "):
        fill(f"onnx:{graph('int.onnx', kind=4, colour=1)}")
    for held, said in ((bytes(20), "is no ONNX graph"), (b"\x08\x08", "is no ONNX graph that can run here")):
        (tmp_path / "other.onnx").write_bytes(held)
        with pytest.raises(WeightsError, match=said):
            fill(f"onnx:{tmp_path / 'other.onnx'}")


def test_without_the_extra_the_command_to_install_it_is_told(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['onnxruntime'] = sys.modules['diffusers'] = None\n"
        "from safebench.models import registry\nfrom safebench.errors import PluginError\n"
        "for name in ('onnx', 'diffusers'):\n"
        "    try: registry.find('inpainters', name)[0].load_class()\n    except PluginError as error: print(error)"
    )
    done = run_forked(script, tmp_path)
    assert "pip install 'safebench[onnx]'" in done.stdout, done.stderr
    assert "pip install 'safebench[diffusers]'" in done.stdout
