"""Small checkpoints that would unfold to much, or take long: refused at once with a sentence."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from safebench.errors import WeightsError
from safebench.weights.read.checkpoints import load_state

EMBED = b"ctorch.storage\n_load_from_bytes\n"
PERSISTED = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
TABLES = {name: b"X" + struct.pack("<I", len(name)) + name.encode() for name in ("_parameters", "_modules", "_buffers")}


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def module(**tables: bytes) -> bytes:
    """A network's layer, as it is pickled, with these tables."""
    held = b"".join(TABLES[f"_{name}"] + table for name, table in tables.items())
    return b"ctorch.nn.modules.linear\nLinear\n)\x81}(" + held + b"ub"


def nested() -> bytes:
    """A file within a file within a file, 200 deep."""
    body = b"x" * 1_000_000
    inner = b"\x80\x02B" + struct.pack("<i", len(body)) + body + b"."
    for _ in range(200):
        inner = b"\x80\x02" + EMBED + b"B" + struct.pack("<i", len(inner)) + inner + b"\x85R."
    return inner


def chain() -> bytes:
    """Layers within layers, all under one name of 5,000 letters that the file holds once."""
    made = b"\x80\x02" + text("k" * 5000) + b"q\x010" + module(parameters=b"}", modules=b"}", buffers=b"}")
    for _ in range(2000):
        made += b"q\x080" + module(parameters=b"}", modules=b"}h\x01h\x08s", buffers=b"}")
    return made + b"."


ONE_HASH = b"".join(
    b"\x8a\x0a" + (k * ((1 << 61) - 1) + 5).to_bytes(10, "little", signed=True) + b"K\x00" for k in range(50_000)
)
FILES = {
    "lists": b"\x80\x02(" + b"]" * 5_000_000 + b"t.",
    "sets": b"\x80\x04(" + b"\x8f" * 5_000_000 + b"t.",
    "marks": b"\x80\x02" + b"(" * 5_000_000 + b".",
    "remembered": b"\x80\x04N" + b"\x94" * 5_000_000 + b".",
    "one hash": b"\x80\x02}(" + ONE_HASH + b"u.",
    "nested": nested(),
    "chain": chain(),
}


SCRIPT = """
import re, sys, time
from pathlib import Path
from safebench.weights.read.checkpoints import load_state
from safebench.errors import WeightsError

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

for file in sorted(Path(sys.argv[1]).iterdir()):
    before, begun = peak(), time.process_time()
    try:
        load_state(file)
        print(file.name, "was read")
    except WeightsError:
        grown, seconds = peak() - before, time.process_time() - begun
        print(file.name, "refused", "flat" if grown < 150_000 else f"grew by {grown} kB", end=" ")
        print("at once" if seconds < 10 else f"after {seconds:.0f} s")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's peak memory from /proc")
def test_what_would_unfold_is_refused_at_once(tmp_path: Path) -> None:
    """In a process of its own, whose peak no other test has raised."""
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"{name} refused flat at once\n" for name in sorted(FILES))


def test_a_tensor_of_many_dimensions_is_refused(tmp_path: Path) -> None:
    """Each costs as much as it has dimensions, and a file could build it from one list again and again."""
    torch.save({"a": torch.zeros([1] * 65)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="or of too many"):
        load_state(tmp_path / "net.pth")


@pytest.mark.parametrize(
    "body",
    [
        module(parameters=b"K\x05", modules=b"}", buffers=b"}"),
        module(parameters=b"}", modules=b"}"),
        module(parameters=b"}", modules=b"}K\x01Ns", buffers=b"}"),
        PERSISTED + b")R",
        PERSISTED + b"K\x01\x85R",
    ],
)
def test_what_is_no_network_is_said_to_be_none(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "net.pkl"
    file.write_bytes(b"\x80\x02" + body + b".")
    with pytest.raises(WeightsError, match=r"net\.pkl: holds no network"):
        load_state(file)


@pytest.mark.parametrize(
    "body",
    [
        b"(S'touch x'\nios\nsystem\n",  # an instruction that imports and calls
        b"\x82\x01",  # a class registered with copyreg
        b"Pabc\n",
        b"K\x01Q",  # a reference to nothing that torch stores
        b"\x8c\x07pathlib\x8c\x09os.system\x93",  # through a module that a name of a checkpoint's may lie in
    ],
)
def test_instructions_that_no_checkpoint_needs_are_refused(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "net.pkl"
    file.write_bytes(b"\x80\x04" + body + b".")
    with pytest.raises(WeightsError, match="is refused, nothing of it was run"):
        load_state(file)
