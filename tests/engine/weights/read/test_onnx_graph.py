"""Which files an ONNX graph keeps its numbers in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safebench.errors import WeightsError
from safebench.weights.read import onnx_graph
from safebench.weights.read.onnx_graph import INSIDE, NoGraphError, external_files

onnx = pytest.importorskip("onnx", reason="needs onnx to write graphs: pip install onnx")


def kept_in(location: str, name: str = "c") -> Any:
    tensor = onnx.TensorProto(name=name, data_type=1, dims=[2], data_location=1)
    for key, value in (("offset", "0"), ("location", location), ("length", "8")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def constant(tensor: Any) -> Any:
    return onnx.helper.make_node("Constant", [], ["c"], value=tensor)


def as_initialiser(tensor: Any) -> Any:
    return onnx.ModelProto(graph=onnx.GraphProto(initializer=[tensor]))


def as_constant(tensor: Any) -> Any:
    return onnx.ModelProto(graph=onnx.GraphProto(node=[constant(tensor)]))


def in_a_branch(tensor: Any) -> Any:
    """The body of a body of a loop."""
    inner = onnx.GraphProto(initializer=[tensor])
    for _ in range(20):
        inner = onnx.GraphProto(node=[onnx.helper.make_node("Loop", [], [], body=inner)])
    return onnx.ModelProto(graph=inner)


def in_a_function(tensor: Any) -> Any:
    return onnx.ModelProto(functions=[onnx.FunctionProto(name="f", node=[constant(tensor)])])


def sparse(tensor: Any) -> Any:
    return onnx.ModelProto(graph=onnx.GraphProto(sparse_initializer=[onnx.SparseTensorProto(values=tensor)]))


def in_training(tensor: Any) -> Any:
    return onnx.ModelProto(training_info=[onnx.TrainingInfoProto(algorithm=onnx.GraphProto(initializer=[tensor]))])


@pytest.mark.parametrize("place", [as_initialiser, as_constant, in_a_branch, in_a_function, sparse, in_training])
def test_files_are_found_wherever_a_tensor_stands(tmp_path: Path, place: Callable[[Any], Any]) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("weights.bin", "sub/w"):
        (tmp_path / name).write_bytes(bytes(8))
        (tmp_path / "net.onnx").write_bytes(place(kept_in(name)).SerializeToString())
        assert external_files(tmp_path / "net.onnx") == {name: tmp_path / name}


def test_a_tensor_that_holds_its_numbers_needs_no_file(tmp_path: Path) -> None:
    inline = onnx.numpy_helper.from_array(np.ones(4, np.float32), "a")
    inline.external_data.add(key="location", value="gone.bin")  # left behind when the numbers were taken in
    (tmp_path / "net.onnx").write_bytes(as_initialiser(inline).SerializeToString())
    assert external_files(tmp_path / "net.onnx") == {}


def test_every_field_that_leads_to_a_tensor_is_followed() -> None:
    """Against the description that the `onnx` package has of its messages."""
    kinds = {"Model": "ModelProto", "Training": "TrainingInfoProto", "Sparse": "SparseTensorProto"}
    kinds |= {name: f"{name}Proto" for name in ("Graph", "Function", "Node", "Attribute", "Tensor")}
    ours = {kinds[kind]: {n: kinds[inner] for n, inner in fields.items()} for kind, fields in INSIDE.items()}
    followed = {"TensorProto": {}, **ours}
    for name, fields in ours.items():
        described = getattr(onnx, name).DESCRIPTOR.fields
        messages = {field.number: field.message_type.name for field in described if field.message_type}
        assert fields == {n: inner for n, inner in messages.items() if inner in followed}


@pytest.mark.parametrize("location", ["../out.bin", "/etc/hostname", "a/../../out.bin", "..\\out.bin", "C:/x", "a\0b"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "out.bin").write_bytes(bytes(8))
    (folder / "net.onnx").write_bytes(as_initialiser(kept_in(location)).SerializeToString())
    with pytest.raises(WeightsError, match=r"net\.onnx: keeps numbers in .*, which is not in its own folder"):
        external_files(folder / "net.onnx")


def test_missing_and_huge_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(as_initialiser(kept_in("w.bin")).SerializeToString())
    with pytest.raises(WeightsError, match=r"keeps numbers in 'w\.bin', and there is no such file"):
        external_files(file)
    (tmp_path / "w.bin").symlink_to("/dev/zero")
    with pytest.raises(WeightsError, match="there is no such file"):
        external_files(file)
    (tmp_path / "w.bin").unlink()
    with (tmp_path / "w.bin").open("wb") as data:
        os.truncate(data.fileno(), 65 << 30)  # takes no room
    with pytest.raises(WeightsError, match="the files beside it have 65 GiB; 64 at most"):
        external_files(file)
    monkeypatch.setattr(onnx_graph, "FIELDS", 5)
    with pytest.raises(NoGraphError, match="more parts than any graph"):
        external_files(file)


@pytest.mark.parametrize("held", [b"", b"no", b"PK\x03\x04", b"\x08\xff", b"\x3a\xff\xff\xff\x7f", bytes(20), b"\x0b"])
def test_what_is_no_graph_is_told(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(held)
    with pytest.raises(NoGraphError, match=r"net\.onnx: is no ONNX graph"):
        external_files(tmp_path / "net.onnx")


def test_a_graph_that_is_cut_anywhere_ends_in_a_sentence(tmp_path: Path) -> None:
    whole = in_a_function(kept_in("w.bin")).SerializeToString()
    (tmp_path / "w.bin").write_bytes(bytes(8))
    for end in range(1, len(whole)):
        (tmp_path / "net.onnx").write_bytes(whole[:end])
        with pytest.raises(NoGraphError):
            external_files(tmp_path / "net.onnx")
