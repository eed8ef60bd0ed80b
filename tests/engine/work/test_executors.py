"""How batches go through threads, memory and storage; the options that say so."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import ClassVar

import pytest
import torch

import safebench
from safebench.errors import ConfigError
from safebench.runs.config import RunConfig
from safebench.work.exchange import Exchange, leave
from safebench.work.local import LocalExecutor
from safebench.work.tasks import Adaptive, Answer, Failure, FileRef, Item, Task, loaded_once
from safebench.work.watching import Silent

from .alike import OPTIONS, assert_same, rows_of, task_of


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return safebench.run(out=tmp_path_factory.mktemp("runs") / "local", **OPTIONS)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_threads_changes_nothing(local, tmp_path, workers):
    assert_same(safebench.run(out=tmp_path / "run", **OPTIONS, workers=workers), local)


class Meeting:
    """A worker whose model is not done with a batch until the next is read, and the one before is measured."""

    def __init__(self, batches: int) -> None:
        self.last = batches - 1
        self.done = {(step, k): Event() for step in ("load", "finish") for k in range(batches)}

    def load(self, items):
        self.done["load", int(items[0].name)].set()
        return items

    def compute(self, loaded):
        k = int(loaded[0].name)
        self.done["load", min(k + 1, self.last)].wait()
        if k > 0:
            self.done["finish", k - 1].wait()
        return loaded

    def finish(self, computed):
        self.done["finish", int(computed[0].name)].set()
        return [Answer({"name": item.name}) for item in computed]


def test_reading_and_measuring_overlap_the_model():
    worker = Meeting(8)
    rows = [row for batch in LocalExecutor(2).run(worker, [task_of(k) for k in range(8)], rows_of) for row in batch]
    assert [row["name"] for row in rows] == [str(k) for k in range(8)], "in the tasks' order"


def test_batches_are_read_only_so_far_ahead():
    read: list[int] = []

    def items(batch):
        read.append(batch[0])
        return [Item(str(batch[0]), {})]

    tasks = (Task([k], [k], items) for k in range(100))
    next(LocalExecutor(2).run(Meeting(100), tasks, rows_of))
    assert len(read) < 12, "memory does not grow with the number of samples"


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_batch_too_large_for_the_memory_is_halved_and_stays_so(error):
    sizes: list[int] = []

    def together(items):
        sizes.append(len(items))
        if len(items) > 2:
            raise error
        return [item * 10 for item in items]

    adaptive = Adaptive("inpaint")
    assert adaptive([1, 2, 3, 4, 5, 6, 7], together) == [10, 20, 30, 40, 50, 60, 70]
    assert sizes == [7, 4, 2, 2, 3, 2, 1]
    sizes.clear()
    adaptive([1, 2, 3, 4], together)
    assert sizes == [2, 2], "the next batch begins with what fitted"


def test_one_image_too_large_for_the_memory_is_a_failure():
    def together(items):
        raise MemoryError

    (failure,) = Adaptive("detect")([1], together)
    assert isinstance(failure, Failure)
    assert failure.step == "detect"


def test_nothing_to_call_a_model_on_is_no_error():
    def together(items):
        raise AssertionError("not to be called")

    assert Adaptive("detect")([], together) == []


def test_a_model_that_cannot_be_loaded_is_not_loaded_again_for_every_image():
    class Heavy:
        tries = 0

        @loaded_once
        def model(self) -> int:
            self.tries += 1
            raise ValueError("no such layer")

    heavy = Heavy()
    failures = Adaptive("inpaint")([1, 2, 3], lambda items: [heavy.model for _ in items])
    assert failures == [Failure("inpaint", "ValueError: no such layer")] * 3
    assert heavy.tries == 1


def test_images_travel_through_a_storage_and_leave_nothing_there(tmp_path):
    storage = tmp_path / "deep" / "exchange"
    photo = tmp_path / "a.png"
    photo.write_bytes(b"pixels")
    exchange = Exchange(f"file://{storage}", tmp_path / "run")
    packed = exchange.pack([Item("a", {"image": FileRef(photo)}), Item("b", {"image": FileRef(photo)})])
    photo.unlink()
    assert len(list(storage.rglob("in-*"))) == 1, "the same bytes travel once"
    answers = [Answer({}, {"map": FileRef(Path("map.png"), item.files["image"].read()[::-1])}) for item in packed]
    results = leave(answers, exchange.folder)
    assert all(one.files["map"].data is None for one in results if isinstance(one, Answer)), "the message is small"
    collected = exchange.unpack(results)
    assert [one.files["map"].read() for one in collected if isinstance(one, Answer)] == [b"slexip"] * 2
    assert not list(storage.rglob("out-*")), "what was collected takes up no room"
    exchange.close()
    assert list(storage.iterdir()) == []


def test_what_a_killed_driver_left_in_the_storage_is_removed_by_the_next(tmp_path):
    storage, photo = tmp_path / "exchange", tmp_path / "a.png"
    photo.write_bytes(b"pixels")
    others = Exchange(str(storage), tmp_path / "other")
    for exchange in (others, Exchange(str(storage), tmp_path / "run")):
        exchange.pack([Item("a", {"image": FileRef(photo)})])
    Exchange(str(storage), tmp_path / "run").close()
    assert [path.name for path in storage.iterdir()] == [Path(str(others.folder)).name], "another run's stays"


def test_a_storage_that_cannot_be_used_is_told_in_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="--storage nosuch://there"):
        Exchange("nosuch://there", tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"--storage .*file: cannot be written to"):
        Exchange(str(tmp_path / "file"), tmp_path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "rya"}, "rya"),
        ({"workers": 0}, "workers=0"),
        ({"ray_address": "10.0.0.1:6379"}, "--engine ray"),
        ({"slurm": {"slurm_partition": "gpu"}}, "--engine slurm"),
        ({"storage": "s3://bucket"}, "--storage"),
        ({"batch_size": "many"}, "batch_size"),
        ({"precision": "fp8"}, "precision"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        safebench.run(out=tmp_path / "run", **{**OPTIONS, **options})


def test_another_precision_never_meets_old_results(local, tmp_path, monkeypatch):
    from safebench.models.specs import participant

    plain, half = participant("inpainters", "telea"), participant("inpainters", "telea")
    assert plain.identity == half.identity
    assert RunConfig(inpainters=("telea",)).precision == "fp32"
    monkeypatch.setattr("safebench.models.devices.has_bf16", lambda: True)
    run = safebench.run(out=tmp_path / "run", **{**OPTIONS, "limit": 1, "precision": "bf16"})
    assert not set(run.quality["key"]) & set(local.quality["key"])
    assert run.record.inpainters["telea"].precision == "bf16"


def test_bf16_is_not_chosen_for_a_processor_without_it(local, tmp_path, monkeypatch):
    class Listener(Silent):
        notes: ClassVar[list[str]] = []

        def note(self, sentence: str) -> None:
            self.notes.append(sentence)

    monkeypatch.setattr("safebench.models.devices.has_bf16", lambda: False)
    options = {**OPTIONS, "limit": 1, "precision": "bf16", "device": "cpu"}
    run = safebench.run(out=tmp_path / "run", watcher=Listener(), **options)
    assert any("--precision bf16: this processor has no instructions for it" in note for note in Listener.notes)
    assert run.record.inpainters["telea"].precision == "fp32"
    assert run.record.config is not None
    assert run.record.config.precision == "fp32"
    assert set(run.quality["key"]) <= set(local.quality["key"])
