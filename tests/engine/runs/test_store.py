"""Stored rows: what older and other versions left out, and what was measured at different times."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from safebench.errors import ConfigError, StoreError
from safebench.metrics.catalogue import DEFAULT
from safebench.metrics.f1 import F1
from safebench.metrics.metric import Metric
from safebench.runs import schema
from safebench.runs.store import Store

EXTRA = Metric(
    key="extra", name="X", meaning="X.", subject="localisation", compute=lambda _: 0.0, needs=frozenset(("map",))
)


def _add(folder: Path, metrics: list[Metric], key: str = "a", **values: float) -> None:
    store = Store(folder, metrics)
    row = {name: "" if kind == "string" else math.nan for name, kind in schema.columns("detection", metrics).items()}
    store.append("detection", [{**row, "key": key, **values}])
    store.flush()


def test_a_metric_that_a_table_lacks_is_nan_and_not_measured(tmp_path):
    _add(tmp_path, [m for m in DEFAULT if m is not F1], auc=0.5)
    store = Store(tmp_path)
    [row] = store.read("detection").to_dict("records")
    assert row["auc"] == 0.5
    assert math.isnan(row["f1"])
    assert len(store.read("detection", having=["auc"])) == 1
    assert len(store.read("detection", having=["f1"])) == 0


def test_what_was_measured_at_different_times_stands_in_one_row(tmp_path):
    _add(tmp_path, [*DEFAULT, EXTRA], auc=0.5, extra=0.25)
    _add(tmp_path, list(DEFAULT), auc=0.5, f1=0.125)
    _add(tmp_path, list(DEFAULT), key="b", auc=0.75)
    first, second = Store(tmp_path).read("detection").to_dict("records")
    assert (first["auc"], first["f1"], first["extra"]) == (0.5, 0.125, 0.25)
    assert (second["auc"], math.isnan(second["extra"])) == (0.75, True)


def test_a_table_that_lacks_what_rows_say_of_themselves_is_refused(tmp_path):
    _add(tmp_path, list(DEFAULT))
    (tmp_path / "results" / "detection").rename(tmp_path / "results" / "quality")
    with pytest.raises(StoreError, match=r"is no table of this SafeBench \(it lacks .*composite"):
        Store(tmp_path).read("quality")


def test_a_metric_cannot_take_a_column_of_the_rows():
    with pytest.raises(ConfigError, match="another column of this name"):
        schema.columns("detection", [replace(EXTRA, key="photo", column="")])
