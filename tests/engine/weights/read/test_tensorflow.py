"""TensorFlow's checkpoints without TensorFlow: what they hold, and the damaged and hostile ones that are refused."""

from __future__ import annotations

import runpy
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from safebench.errors import WeightsError
from safebench.weights.read.tensorflow import load_bundle

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
HEADER = b"\x08\x01\x1a\x02\x08\x01"


@pytest.fixture(scope="module")
def bundles():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(BENCHMARKS)
        return SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "made_up_noiseprint.py")))


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    return {
        "level_1/conv/weights": rng.normal(size=(3, 3, 2, 5)).astype(np.float32),
        "level_1/conv/bias": rng.normal(size=5),
        "level_2/counts": np.arange(-2, 300, dtype=np.int64),
        "empty": np.zeros((0, 4), np.float32),
        "step": np.int32(-7),
    }


@pytest.fixture
def write(tmp_path, bundles):
    """`write(entries)`: a bundle with these entries and 64 bytes of numbers."""

    def write(entries, header=HEADER):
        (tmp_path / "model.data-00000-of-00001").write_bytes(bytes(64))
        (tmp_path / "model.index").write_bytes(bundles.table([(b"", header), *entries]))
        return tmp_path / "model.index"

    return write


def test_tensors_come_back_under_their_names(tmp_path, bundles, tensors):
    bundles.write_bundle(tmp_path / "model", tensors)
    state = load_bundle(tmp_path / "model.index")
    assert list(state) == sorted(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(state[name].numpy(), value)
        assert state[name].numpy().dtype == value.dtype


def refused(index, match):
    with pytest.raises(WeightsError, match=match) as error:
        load_bundle(index)
    assert str(error.value).startswith(str(index))


def test_a_tensor_beyond_its_file_is_refused(write, bundles):
    refused(write([(b"a", bundles.entry("float32", [2], 60, 8))]), "its a claims more than the file of its numbers")
    refused(write([(b"a", bundles.entry("float32", [1 << 40], 0, 1 << 42))]), "claims more")


def test_a_shape_that_does_not_take_its_bytes_is_refused(write, bundles):
    refused(write([(b"a", bundles.entry("float32", [3], 0, 8))]), r"its a of shape \[3\] does not take 8 bytes")


def test_tensors_over_one_another_are_refused(write, bundles):
    many = [(b"a%03d" % k, bundles.entry("float32", [16], 0, 64)) for k in range(100)]
    refused(write(many), "lie over one another")


@pytest.mark.parametrize(
    ("extra", "match"),
    [(b"\x18\x01", "its a is sliced"), (b"\x3a\x00", "its a is sliced"), (b"\x08\x07", "of a type that networks")],
)
def test_shards_slices_and_texts_are_refused(write, bundles, extra, match):
    refused(write([(b"a", bundles.entry("float32", [2], 0, 8) + extra)]), match)


@pytest.mark.parametrize(("header", "match"), [(b"\x08\x02", "not in one file"), (b"\x08\x01\x10\x01", "big-endian")])
def test_other_bundles_are_refused(write, header, match):
    refused(write([], header), match)


def test_names_out_of_order_are_refused(write, bundles):
    entry = bundles.entry("float32", [2], 0, 8)
    refused(write([(b"b", entry), (b"a", entry)]), "its names are not in order")
    refused(write([(b"a", entry), (b"a", entry)]), "its names are not in order")


def test_a_compressed_index_is_refused(write):
    index = write([])
    data = bytearray(index.read_bytes())
    data[data.index(HEADER) + len(HEADER) + 8] = 1  # behind the two numbers that end the first block
    index.write_bytes(data)
    refused(index, "compressed")


def test_a_damaged_index_is_refused_wherever_the_damage_is(tmp_path, bundles, tensors):
    bundles.write_bundle(tmp_path / "model", tensors)
    index = tmp_path / "model.index"
    whole = index.read_bytes()
    for end in range(0, len(whole), 7):
        index.write_bytes(whole[:end])
        refused(index, "damaged|refused|LFS")
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        index.write_bytes(damaged)
        with suppress(WeightsError):  # and no other error; in a checksum, or in a name, damage goes unseen
            load_bundle(index)


def test_what_is_missing_or_stands_for_something_else_is_named(tmp_path, bundles, tensors):
    bundles.write_bundle(tmp_path / "model", tensors)
    data = tmp_path / "model.data-00000-of-00001"
    data.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2232080\n")
    with pytest.raises(WeightsError, match=r"data-00000-of-00001: is a Git LFS pointer"):
        load_bundle(tmp_path / "model.index")
    data.unlink()
    with pytest.raises(WeightsError, match=r"data-00000-of-00001: cannot be read \(No such file"):
        load_bundle(tmp_path / "model.index")


def test_an_index_that_is_too_large_is_not_read(tmp_path):
    for name in ("model.index", "model.data-00000-of-00001"):
        with (tmp_path / name).open("wb") as file:
            file.write(b"\x00")
            file.truncate(1 << 30)
    refused(tmp_path / "model.index", "more than 1,048,576 bytes")
