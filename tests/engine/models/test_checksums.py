"""What identifies a checkpoint: every byte that is opened counts, and no other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safebench.errors import WeightsError
from safebench.models import checksums, weights
from safebench.models.cards import parse_card
from safebench.models.registry import Entry
from safebench.weights.fetch import downloads

from ..published import CARD


def test_a_graphs_data_counts_in_whatever_file_it_lies(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx to write graphs: pip install onnx")
    numbers = onnx.numpy_helper.from_array(np.arange(500, dtype=np.float32), "c")
    for location in ("weights.bin", "net.onnx.data", "net.onnx_data"):
        model = onnx.ModelProto(graph=onnx.GraphProto(initializer=[numbers]))
        onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location=location)
        first = checksums.of_network(tmp_path / "net.onnx")
        held = bytearray((tmp_path / location).read_bytes())
        held[100] ^= 1
        (tmp_path / location).write_bytes(held)
        changed = checksums.of_network(tmp_path / "net.onnx")
        assert changed != first
        (tmp_path / "other.data").write_bytes(b"not of this graph")
        assert checksums.of_network(tmp_path / "net.onnx") == changed
        (tmp_path / location).write_text("version https://git-lfs.github.com/spec/v1")
        with pytest.raises(WeightsError, match=f"{location}: is a Git LFS pointer"):
            checksums.of_network(tmp_path / "net.onnx")
        (tmp_path / location).unlink()
        with pytest.raises(WeightsError, match="there is no such file"):
            checksums.of_network(tmp_path / "net.onnx")


def test_settings_count_and_the_files_name_does_not(tmp_path: Path) -> None:
    sums = set()
    for name in ("net.pt", "other.pt"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 program")
        sums.add(checksums.of_network(tmp_path / name))
    assert len(sums) == 1
    for text in ("range = [0, 255]", "range = [-1, 1]"):
        (tmp_path / "net.toml").write_text(text)
        sums.add(checksums.of_network(tmp_path / "net.pt"))
    assert len(sums) == 3


def test_a_folder_counts_with_what_its_links_lead_to_and_without_what_is_hidden(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "model_index.json").write_text("{}")
    (elsewhere / "unet.safetensors").write_bytes(b"1")
    (folder / "unet").symlink_to(elsewhere)
    first = checksums.of_folder(folder)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "note.json").write_text("fetched on Monday")
    (folder / ".gitattributes").write_text("*.bin filter=lfs")
    (elsewhere / "up").symlink_to(folder)  # comes back to where it began
    (elsewhere / "gone").symlink_to(tmp_path / "gone")
    assert checksums.of_folder(folder) == first
    (elsewhere / "unet.safetensors").write_bytes(b"2")
    assert checksums.of_folder(folder) != first
    (elsewhere / "unet.safetensors").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(WeightsError, match=r"unet\.safetensors: is a Git LFS pointer"):
        checksums.of_folder(folder)


def test_a_large_file_is_read_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For its checksum and for its identity; the same for files that are named."""
    read: Counter[Path] = Counter()
    digest = downloads.digest

    def counted(path: Path, kind: str = "sha256") -> str:
        read[path] += 1
        return digest(path, kind)

    sha256 = digest(Path(__file__))
    text = CARD + f'[[weights]]\nfile = "a.pth"\nsha256 = "{sha256}"'
    entry: Any = Entry("inpainters", parse_card(text, "x"), tmp_path, None)  # type: ignore[arg-type]
    place = weights.cached_path(entry, entry.card.weights[0])
    place.parent.mkdir(parents=True)
    place.write_bytes(Path(__file__).read_bytes())
    monkeypatch.setattr(downloads, "digest", counted)
    for named in (None, place):
        found = weights.find(entry, named=named)
        assert found is not None
        assert found.sha256 == sha256
    assert read == {place: 2}  # once for each call
