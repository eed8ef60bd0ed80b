"""What is often given as a checkpoint and is none, in every loader."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from safebench.errors import WeightsError
from safebench.models import calling
from safebench.training import checkpoint
from safebench.weights.read.checkpoints import load_state
from safebench.weights.read.mistaken import check_holds_numbers, check_stands_for_itself

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html lang=en><head><title>Google Drive - Virus scan warning</title>"
KINDS = {
    LFS: "a Git LFS pointer, not the file itself: run git lfs pull",
    PAGE: "a web page (HTML), not the file itself: fetch it by its own address",
    b"<!-- moved --><html><body>302 Found": "a web page (HTML)",
    b"/annex/objects/SHA256E-s123--ab.pth\n": "a git-annex pointer, not the file itself: run git annex get",
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>': "a text that begins with '<?xml version=",
    b"Invalid username or password.": "a text that begins with 'Invalid username or password.'",
    "Zugriff verweigert – ä".encode() * 40: "a text that begins with 'Zugriff verweigert – ä",
    gzip.compress(b"numbers"): "packed (gzip): unpack it",
    b"net.pth" + bytes(250) + b"ustar\x0000": "a tar archive: unpack it",
    b"\x89HDF\r\n\x1a\n\x00": "an HDF5 file (Keras), which is not read",
    b"": "empty; fetch it again",
}
LOADERS: dict[str, Callable[[Path], object]] = {
    "net.safetensors": load_state,
    "net.pth": load_state,
    "net.pkl": load_state,
    "checkpoint.pt": checkpoint.load,
    "net.ts": lambda path: calling.load_detector(f"torchscript:{path}"),
    "net.onnx": lambda path: calling.load_inpainter(f"onnx:{path}"),
    "classifier.json": lambda path: calling.load_detector("laplacian", weights=path),
    "own.pth": lambda path: calling.load_inpainter("aot-gan", weights=path),
}


@pytest.mark.parametrize("kind", KINDS.values())
def test_what_it_is_and_what_to_do_is_told(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "net.pth"
    file.write_bytes(next(held for held, said in KINDS.items() if said == kind))
    with pytest.raises(WeightsError) as caught:
        check_holds_numbers(file)
    assert f"{file}: is {kind}" in str(caught.value)


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("held", [LFS, PAGE], ids=["pointer", "page"])
def test_every_loader_names_pointers_and_pages(tmp_path: Path, name: str, held: bytes) -> None:
    if name.endswith(".onnx"):
        pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'safebench[onnx]'")
    (tmp_path / name).write_bytes(held)
    with pytest.raises(WeightsError) as caught:
        LOADERS[name](tmp_path / name)
    assert KINDS[held] in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_what_holds_numbers_passes(tmp_path: Path) -> None:
    state = {"a": torch.ones(2)}
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "a.json").write_text('{"slope": 1}')
    for name in ("a.safetensors", "a.pth", "old.pth"):
        check_holds_numbers(tmp_path / name)
        assert torch.equal(load_state(tmp_path / name)["a"], state["a"])
    check_stands_for_itself(tmp_path / "a.json")
