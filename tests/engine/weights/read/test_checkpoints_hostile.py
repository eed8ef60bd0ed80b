"""Hostile and damaged checkpoints are refused with a sentence; nothing of them runs, and memory stays flat."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file
from torch import nn

from safebench.errors import WeightsError
from safebench.weights.read.checkpoints import load_state


class Runs:
    """Pickles to a call of the given function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def refused(file: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_state(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    assert len(message) < 500
    return message


@pytest.mark.parametrize("how", ["pickle", "zip", "legacy", "nested", "state"])
@pytest.mark.parametrize("function", [os.system, eval, exec, __import__, subprocess.check_call, getattr, print])
def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path, how: str, function: Any) -> None:
    trace = tmp_path / "was-run"
    code = {exec: f"open({str(trace)!r}, 'w')", eval: f"open({str(trace)!r}, 'w')", __import__: "this"}
    evil = Runs(function, code.get(function, f"touch {trace}"))
    file = tmp_path / "evil.pth"
    if how == "pickle":
        file.write_bytes(pickle.dumps({"state_dict": {}, "x": evil}))
    elif how == "nested":
        file.write_bytes(pickle.dumps({"x": Runs(torch.storage._load_from_bytes, pickle.dumps(evil))}))
    elif how == "state":
        torch.save({"state_dict": collections.OrderedDict(a=evil)}, file)
    else:
        torch.save({"x": evil, "a": torch.ones(2)}, file, _use_new_zipfile_serialization=how == "zip")
    assert "nothing of it was run" in refused(file)
    assert not trace.exists()
    assert "this" not in sys.modules


def test_a_file_that_would_import_is_refused_and_imports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "was-imported"
    (tmp_path / "evil_module.py").write_text(f"open({str(trace)!r}, 'w')\nclass Thing: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "evil.pkl"
    file.write_bytes(b"\x80\x02cevil_module\nThing\n.")
    assert "evil_module.Thing" in refused(file)
    file.write_bytes(b"\x80\x04\x8c\x0bevil_module\x8c\x05Thing\x93.")
    assert "evil_module.Thing" in refused(file)
    assert not trace.exists()
    assert "evil_module" not in sys.modules


def test_no_hook_of_a_real_class_is_called(tmp_path: Path) -> None:
    """Setting the state of a tensor, or building anything with arguments, stays without effect."""
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    for body in (
        b"\x80\x02}ctorch._utils\n_rebuild_tensor_v2\n}b.",  # BUILD on a function
        b"\x80\x02ctorch.nn.modules.linear\nLinear\nK\x01K\x01\x86R}X\x01\x00\x00\x00aK\x01sb.",
    ):
        (tmp_path / "b.pkl").write_bytes(body)
        refused(tmp_path / "b.pkl")


def patched(tmp_path: Path, change: Any) -> Path:
    """A file of torch's with its members changed by a function of their dictionary."""
    torch.save({"a": torch.zeros(4)}, tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "good.pt") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    file = tmp_path / "bad.pt"
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def resized(old: bytes, new: bytes) -> Any:
    def change(members: dict[str, bytes]) -> None:
        assert old in members["good/data.pkl"]
        members["good/data.pkl"] = members["good/data.pkl"].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x00K\x04\x85", b"K\x00J\x00\x00\x00\x40\x85"),  # the tensor's size: 2^30 numbers
        (b"K\x00K\x04\x85", b"K\x02K\x04\x85"),  # it begins too late
        (b"K\x00K\x04\x85", b"J\xff\xff\xff\xffK\x04\x85"),  # it begins before the storage
        (b"K\x01\x85", b"J\x00\x00\x00\x40\x85"),  # its stride
        (b"K\x01\x85", b"J\xff\xff\xff\xff\x85"),
        (b"K\x00K\x04\x85", b"K\x00\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01\x85"),  # 2^64
        (b"K\x04t", b"J\x00\x00\x00\x40t"),  # the storage's size
        (b"K\x04t", b"J\xff\xff\xff\xfft"),
        (b"FloatStorage", b"DoubleStorage"),
    ],
)
def test_a_tensor_with_a_lying_size_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    refused(patched(tmp_path, resized(old, new)))


def test_a_zip_that_climbs_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    for name in ("good/../../evil", "/etc/evil", "good\\..\\..\\evil", "C:/evil"):
        file = patched(tmp_path, lambda members, name=name: members.update({name: b"x"}))
        assert "climbs out" in refused(file)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1000)}, tmp_path / "c.safetensors")
    torch.save({"a": torch.ones(1000)}, tmp_path / "a.pt")
    torch.save({"a": torch.ones(1000)}, tmp_path / "b.pt", _use_new_zipfile_serialization=False)
    for name in ("a.pt", "b.pt", "c.safetensors"):
        data = (tmp_path / name).read_bytes()
        for length in (0, 1, 8, 40, len(data) // 2, len(data) - 1):
            (tmp_path / f"cut-{name}").write_bytes(data[:length])
            refused(tmp_path / f"cut-{name}")
    (tmp_path / "cut-a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:500])
    assert "it is cut off" in refused(tmp_path / "cut-a.pt")


def _examples() -> list[bytes]:
    """Small files of each format."""
    state = {"a": torch.arange(6.0).reshape(2, 3).t(), "b": [1, "x", (2.5, None)]}
    made = []
    for new_format in (True, False):
        out = io.BytesIO()
        torch.save(state, out, _use_new_zipfile_serialization=new_format)
        made.append(out.getvalue())
    return [*made, pickle.dumps(state), save({"a": torch.ones(2, 3)})]


@given(
    example=st.sampled_from(_examples()),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
)
@settings(max_examples=300)
def test_any_damage_is_survived(example: bytes, changes: Any) -> None:
    """Bytes changed anywhere: the file is read or refused, and what is read can be touched."""
    data = bytearray(example)
    for place, value in changes:
        data[int(place * len(data))] = value
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.pth"
        file.write_bytes(data)
        try:
            held = load_state(file)
        except WeightsError:
            return
        for value in held.values():
            if isinstance(value, torch.Tensor):
                value.clone()


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(1, 1)).save(str(tmp_path / "script.pt"))
    assert "torchscript:FILE" in refused(tmp_path / "script.pt")
    (tmp_path / "text.pth").write_text("<html>not found</html>")
    refused(tmp_path / "text.pth")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", "b")
    assert "not one of torch's" in refused(tmp_path / "a.zip")
    torch.save([1, 2], tmp_path / "list.pt")
    assert "a list" in refused(tmp_path / "list.pt")
    assert "No such file" in refused(tmp_path / "nowhere.pt")
    assert "directory" in refused(tmp_path)


def legacy(storage: bytes) -> bytes:
    """A file as torch before 1.6 wrote it, its storage's bytes replaced."""
    out = io.BytesIO()
    torch.save({"a": torch.zeros(4)}, out, _use_new_zipfile_serialization=False)
    return out.getvalue()[: -8 - 16] + storage


DEEP = 100_000


def bomb(folder: Path) -> None:
    """Small files that claim, or would unfold to, ten gigabytes and more."""
    ten = 10 * 10**9
    key, end = b"\x80\x04}X\x01\x00\x00\x00a", b"s."
    (folder / "header.safetensors").write_bytes(struct.pack("<Q", ten) + b'{"a":{}}' + bytes(50))
    (folder / "header.bin").write_bytes(struct.pack("<Q", 2**31) + b'{"a":{}}' + bytes(50))
    (folder / "bytes.pkl").write_bytes(key + b"\x8e" + struct.pack("<Q", ten) + b"x" * 50 + end)
    (folder / "text.pkl").write_bytes(key + b"\x8d" + struct.pack("<Q", ten) + b"x" * 50 + end)
    (folder / "frame.pkl").write_bytes(b"\x80\x04\x95" + struct.pack("<Q", ten) + b"}.")
    (folder / "long.pkl").write_bytes(key + b"\x8b" + struct.pack("<i", 2**31 - 1) + b"1" * 50 + end)
    (folder / "array.pkl").write_bytes(b"\x80\x05\x96" + struct.pack("<Q", ten) + b"x" * 50 + b".")
    (folder / "memo.pkl").write_bytes(b"\x80\x02}r\xff\xff\xff\x7f}j\xff\xff\xff\x7e.")
    (folder / "deep.pkl").write_bytes(b"\x80\x02" + b"(" * DEEP + b"t" * DEEP + b".")
    (folder / "deepkey.pkl").write_bytes(b"\x80\x02})" + b"\x85" * DEEP + b"K\x01s.")
    (folder / "lists.pkl").write_bytes(b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".")
    pairs = b"\x80\x02](" + b"K\x00K\x00\x86" * 10**4 + b"eq\x00"
    unfold = (b"ccollections\nOrderedDict\nh\x00\x85R") * 2000
    (folder / "unfold.pkl").write_bytes(pairs + unfold + b"0" * 1999 + b".")
    out = io.BytesIO()
    torch.save(torch.zeros(10**6).untyped_storage(), out, _use_new_zipfile_serialization=False)
    blob = out.getvalue()
    again = b"\x80\x02B" + struct.pack("<i", len(blob)) + blob + b"q\x00"
    (folder / "again.pkl").write_bytes(again + b"ctorch.storage\n_load_from_bytes\nh\x00\x85R" * 3000 + b".")
    (folder / "legacy.pth").write_bytes(legacy(struct.pack("<q", ten) + bytes(16)))
    (folder / "negative.pth").write_bytes(legacy(struct.pack("<q", -1) + bytes(16)))
    for name, member in (("pickle.pt", "a/data.pkl"), ("storage.pt", "a/data/0")):
        out = io.BytesIO()
        torch.save({"a": torch.zeros(4)}, out)
        with zipfile.ZipFile(out) as good, zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as bad:
            for info in good.infolist():
                called = f"a/{info.filename.partition('/')[2]}"
                packed = called == member
                bad.writestr(called, bytes(10**8) if packed else good.read(info), zipfile.ZIP_DEFLATED if packed else 0)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data.replace(struct.pack("<I", 10**8), struct.pack("<I", 2**32 - 2)))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit a process's address space")
def test_memory_stays_flat_whatever_a_file_claims(tmp_path: Path) -> None:
    """In a process of its own, which may take 1 GiB of address space more than it has and must not take 100 MB."""
    bomb(tmp_path)
    script = textwrap.dedent("""
        import re, resource, sys
        from pathlib import Path
        from safebench.weights.read.checkpoints import load_state
        from safebench.errors import WeightsError

        def peak():  # not ru_maxrss, which begins at the size of the process that started this one
            return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + 2**30, held + 2**30))
        for file in sorted(Path(sys.argv[1]).iterdir()):
            before = peak()
            try:
                load_state(file)
                print(file.name, "was read")
            except WeightsError as error:
                grown = peak() - before
                print(file.name, "refused", "flat" if grown < 100_000 else f"grew by {grown} kB")
    """)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = "".join(f"{file.name} refused flat\n" for file in sorted(tmp_path.iterdir()))
    assert done.stdout == expected
