"""run.json: what an older SafeBench wrote is read, what a newer one wrote is refused, nothing is lost on the way."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from safebench.errors import StoreError
from safebench.models.specs import participant
from safebench.runs.record import Call, Git, RunRecord, model_record, read_record
from safebench.runs.store import Store

FIRST: dict[str, Any] = {
    "schema": 1,
    "protocol": "safepaint-2024/1",
    "status": "finished",
    "started": "2026-11-27T02:41:14+00:00",
    "finished": "2026-11-27T02:43:06+00:00",
    "config": {"inpainters": ["telea"], "images": "sample", "size": 128, "an_option_that_is_gone": 1},
    "versions": {"safebench": "0.1.0", "torch": "2.14.1"},
    "git": {"commit": "f65cf867", "dirty": False},
    "device": "cpu (threads: 2)",
    "platform": "Linux",
    "photos": {"name": "val", "count": 6, "ignored": 0, "fingerprint": "02"},
    "masks": {"name": "nvidia", "outside": 3, "problems": [], "fingerprint": "88"},
    "lpips_net": "alex",
    "inpainters": {"telea": {"identity": "36c1", "title": "Telea", "paper": None, "score": {"source": "top1-mean"}}},
    "detectors": {},
    "failures": 0,
}
"""A run.json of the first drawing, shortened."""


def _read(**changes: Any) -> RunRecord:
    return read_record(json.dumps({**FIRST, **changes}).encode(), "here/run.json")


def test_the_first_schema_is_read() -> None:
    record = _read()
    assert record.schema == 2
    assert record.git == Git(commit="f65cf867", dirty=False)
    assert record.config is not None
    assert record.config.size == 128
    assert record.inpainters["telea"].title == "Telea"
    made = record.inpainters["telea"].made
    assert (made.identity, made.settings, made.code) == ("36c1", "36c1", None)
    assert record.took == timedelta(minutes=1, seconds=52)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    named = {who.label: model_record(who) for who in (participant("inpainters", "telea"),)}
    record = RunRecord(calls=(Call(started="2026-01-01T00:00:00+00:00"),), inpainters=named, failures=3)
    store = Store(tmp_path)
    assert store.read_record() is None
    store.write_record(record)
    assert store.read_record() == record
    assert record.inpainters["telea"].code is not None


def test_the_time_is_that_of_all_calls() -> None:
    times = [("10:00:00", "10:20:00"), ("11:00:00", ""), ("12:00:00", "12:00:30")]
    calls = [
        {"started": f"2026-01-01T{start}+00:00", "finished": f"2026-01-01T{end}+00:00" if end else ""}
        for start, end in times
    ]
    assert _read(schema=2, calls=calls).took == timedelta(minutes=20, seconds=30)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"schema": 99}', r"here/run\.json: was written by a newer SafeBench \(schema 99\)"),
        (b'{"schema": 0}', r"here/run\.json: there is no schema 0"),
        (b'{"schema": "x"}', "cannot be read"),
        (b'{"inpainters": []}', r"cannot be read \(Expected `object`, got `array` - at `\$\.inpaint"),
        (b'{"inpainters": {"telea": {}}}', "missing required field `identity`"),
    ],
)
def test_what_is_no_record_is_told_in_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        read_record(data, "here/run.json")


def test_options_that_this_safebench_cannot_have_are_left_out() -> None:
    assert _read(config={"inpainters": ["telea"], "size": "large"}).config is None
    assert _read(config=None).config is None


def test_what_a_model_without_weights_is_not_good_for_comes_from_its_card() -> None:
    model = participant("detectors", "splicebuster")
    assert model_record(model).not_good_for == model.entry.card.not_for != ""
