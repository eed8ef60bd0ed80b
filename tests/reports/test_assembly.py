"""Spliced and regenerated pictures on one page: each with its own figures, ranks and pairs, and side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safebench_reports._common.export import tables_of
from safebench_reports._common.papers import paper_tables
from safebench_reports._common.runs import records
from safebench_reports._common.words import number

from safebench.results.report_format import ReportFormat
from safebench.results.reporting import write_report
from safebench.results.results import Results
from safebench.results.tables import compare_inpainters

from .making import MakeRun
from .reading import Page

WHOLE = {"sharp": 0.2, "blunt": 0.02}
BOTH = ("spliced", "regenerated")


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Results:
    return make_run("whole", pictures=1, whole=WHOLE, auc=lambda name, *_: 0.9 if name == "beta" else 0.8)


@pytest.fixture(scope="module")
def report(form: ReportFormat, run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return form.write([run], tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def site(run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([run], tmp_path_factory.mktemp("site"), "leaderboard")


def told(cell: Mapping[str, Any], metric: str) -> str:
    """A figure as a table shows it."""
    return f"{number(cell[metric])} [{number(cell[f'{metric}_low'])}, {number(cell[f'{metric}_high'])}]"


def test_each_assembly_stands_with_its_own_figures(report: Path, run: Results) -> None:
    page = Page(report)
    keys = ("inpainter", "detector", "assembly", "bin")
    quality, names = run.quality_cells, ["inpainter", "assembly", "bin"]
    for cell in records(run.detection_cells):
        row = page.cells("results", **{key: cell[key] for key in keys})
        assert row["auc"].startswith(told(cell, "auc"))
        [beside] = records(quality[(quality[names] == [cell[name] for name in names]).all(axis=1)])
        assert (
            row["known_changed"]
            == page.cells("quality", **{key: cell[key] for key in keys if key != "detector"})["known_changed"]
            == told(beside, "known_changed")
        )
    assert len(page.rows["results-table"]) == len(run.detection_cells) == 48
    assert len(page.rows["quality-table"]) == len(run.quality_cells) == 24
    for assembly in BOTH:
        cells = run.detection_cells.query(f"inpainter == 'beta' and assembly == '{assembly}' and bin == 'all'")
        best = page.best("results", "auc", "detector", "detector", inpainter="beta", assembly=assembly, bin="all")
        assert best == {max(records(cells), key=itemgetter("auc"))["detector"]: "1"}


def test_ranks_and_pairs_are_of_one_assembly(site: Path, run: Results) -> None:
    ranked = pd.read_csv(site.parent / "downloads" / "detectors.csv")
    first = ranked[(ranked["list"] == "all together") & (ranked["bin"] == "all")]
    assert sorted(first["rank"]) == [1, 1, 2, 2]
    whole = first[first["assembly"] == "regenerated"].set_index("detector")
    assert whole["rank"].to_dict() == {"blunt": 1, "sharp": 2}
    assert whole.loc["sharp", "auc"] == pytest.approx(0.6333, abs=0.02)
    inpainters = pd.read_csv(site.parent / "downloads" / "inpainters.csv")
    assert set(inpainters["assembly"]) == set(BOTH)
    pairs = pd.read_csv(site.parent / "downloads" / "head-to-head.csv").query("metric == 'auc' and view == 'inpainter'")
    for assembly in BOTH:
        rows = run.detection[run.detection["assembly"] == assembly]
        own = pairs[(pairs["assembly"] == assembly) & (pairs["a"] == "alpha") & (pairs["b"] == "beta")]
        found = {(pair["against"], pair["bin"].removesuffix("%")): pair for pair in records(own)}
        compared = records(compare_inpainters(rows, "alpha", "beta", "auc"))
        assert len(found) == len(compared) == 6
        for cell in compared:
            pair = found[cell["detector"], cell["bin"]]
            assert (pair["n"], pair["difference"], pair["p"]) == (
                cell["n"],
                pytest.approx(cell["difference"]),
                cell["p"],
            )
    text = site.with_name("head-to-head.html").read_text()
    held = json.loads(re.findall(r'id="duel-data">(.*?)</script>', text, re.DOTALL)[0])[0]["inpainter"]
    assert held["assemblies"] == list(BOTH)


def test_papers_name_the_assembly_that_is_not_the_usual_one(run: Results) -> None:
    tables = {table.name: table.caption for table in paper_tables(tables_of([run]))}
    whole = [name for name in tables if "-regenerated" in name]
    assert len(whole) * 2 == len([name for name in tables if "copy" not in name and "noise" not in name])
    assert all((", regenerated pictures" in caption) == (name in whole) for name, caption in tables.items())
