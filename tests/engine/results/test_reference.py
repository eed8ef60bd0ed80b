"""The page of columns is what the schema and the catalogue say, and names every column that tables have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import safebench
from safebench.metrics.catalogue import BUILT_IN
from safebench.results.reference import page
from safebench.runs import schema

from ...reports.making import FEW, Maker

PAGE = Path(__file__).resolve().parents[3] / "docs" / "columns.md"


def test_the_page_is_what_make_columns_writes():
    assert PAGE.read_text(encoding="utf-8") == page(), "make columns writes it anew"


def test_every_stored_column_has_a_meaning_and_every_meaning_a_column():
    held = {*schema.SAMPLES, *schema.columns("quality", ()), *schema.columns("detection", ())}
    assert held == set(schema.MEANINGS)


def documented(section):
    [text] = re.findall(rf"^## `{re.escape(section)}`\n(.*?)(?=^## |\Z)", page(), re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    return {name for head in heads for name in re.findall(r"`(\w+)`", head)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    Maker(folder, whole={"sharp": 0.2, "blunt": 0.1}, lost={"jpeg:75": {}}, photos=FEW).write()
    return safebench.open_run(folder)


@pytest.mark.parametrize(
    "table",
    ["samples", "quality", "detection", "originals", "quality_cells", "detection_cells", "false_alarms", "failures"],
)
def test_every_column_of_a_table_is_told(run, table):
    undocumented = set(getattr(run, table).columns) - documented(table)
    assert not undocumented


def test_every_column_of_a_comparison_is_told(run):
    for pair in (("alpha", "beta"), ("sharp", "blunt")):
        assert set(run.compare(*pair).columns) <= documented("compare(a, b)")


def test_every_metric_is_told():
    lines = re.findall(r"^\| `(\w+)` \|", page().partition("## Metrics")[2], re.MULTILINE)
    assert lines == [metric.key for metric in BUILT_IN]
