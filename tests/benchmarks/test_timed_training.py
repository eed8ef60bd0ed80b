"""What a timed training leaves is what the next one begins from."""

from __future__ import annotations

import gzip
import runpy
from pathlib import Path

import pytest
import torch
from torch import nn

from safebench.training import checkpoint

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "timed_training.py"))


def test_networks_go_on_in_half_precision(tmp_path):
    folder, out = tmp_path / "training", tmp_path / "out"
    networks = {"generator": nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), "critic": nn.BatchNorm2d(4)}
    folder.mkdir()
    checkpoint.save(folder, 7, networks, {}, 0.5, {})
    (folder / "log.jsonl").write_text('{"step": 7}\n')
    (folder / "mine.safetensors").write_bytes(b"product")
    (folder / "previews").mkdir()
    for step in ("0004", "0007"):
        (folder / "previews" / f"{step}.png").write_text(step)
    SCRIPT["leave"](folder, out)
    files = {"mine.safetensors", "preview.png", "log.jsonl.gz"}
    assert {path.name for path in out.iterdir()} == files | {f"{name}.network.safetensors" for name in networks}
    assert (out / "preview.png").read_text() == "0007"
    assert gzip.decompress((out / "log.jsonl.gz").read_bytes()) == b'{"step": 7}\n'
    SCRIPT["start"](out, tmp_path / "before.pt")
    begun = checkpoint.load(tmp_path / "before.pt")
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            torch.testing.assert_close(begun.networks[name][key], value, atol=1e-3, rtol=1e-3)
            assert begun.networks[name][key].dtype == value.dtype


def test_a_folder_without_networks_is_told(tmp_path):
    with pytest.raises(SystemExit, match="holds no files of networks"):
        SCRIPT["start"](tmp_path, tmp_path / "before.pt")
