"""The gap between hole and known region beside what detectors find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from safebench.metrics.domain_gap import DOMAIN_GAPS, RESIDUAL
from safebench.results.gaps import gap_correlations, measured_gaps
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .making import MakeRun
from .reading import Page


@pytest.fixture
def run(make_run: MakeRun) -> Results:
    """Where the gap of each picture is the AUC of one detector, upside down, and noise for the other."""
    made = make_run("gaps", pictures=1)
    found = made.detection[(made.detection["detector"] == "blunt") & (made.detection["inpainter"] != "original")]
    auc = found.set_index(["sample", "inpainter"])["auc"]
    keys = list(zip(made.quality["sample"], made.quality["inpainter"], strict=True))
    made.quality = made.quality.assign(**{RESIDUAL.column: -auc.reindex(keys).to_numpy()})
    return made


def test_the_correlation_is_of_the_pictures_of_each_cell(run: Results) -> None:
    assert measured_gaps(run) == [RESIDUAL]
    table = gap_correlations(run, ["alpha", "beta"]).set_index(["detector", "inpainter", "bin"])
    assert set(table.index.get_level_values("bin")) == {"10-20", "30-40", "all"}
    key = RESIDUAL.key
    assert table[key]["blunt", "alpha", "all"] == pytest.approx(-1)
    assert table["n"]["blunt", "all together", "10-20"] == 40
    rows = run.detection.merge(run.quality[["sample", "inpainter", key]], on=["sample", "inpainter"])
    rows = rows[(rows["detector"] == "sharp") & (rows["inpainter"] == "beta") & (rows["bin"] == "30-40")]
    value, low, high = (table[name]["sharp", "beta", "30-40"] for name in (key, f"{key}_low", f"{key}_high"))
    assert value == pytest.approx(spearmanr(rows[key], rows["auc"]).statistic)
    assert low < value < high


def test_fewer_than_five_pictures_have_no_correlation(run: Results) -> None:
    few = run.quality["photo"].isin([f"photo{k}" for k in range(4)])
    run.quality = run.quality.assign(**{RESIDUAL.column: run.quality[RESIDUAL.column].where(few)})
    table = gap_correlations(run, []).set_index(["detector", "inpainter", "bin"])[RESIDUAL.key]
    assert np.isnan(table["blunt", "alpha", "10-20"])
    assert table["blunt", "alpha", "all"] == pytest.approx(-1), "eight of both bins"


def test_a_report_has_the_section_where_a_run_measured_a_gap(form: ReportFormat, run: Results, tmp_path: Path) -> None:
    shown = Page(form.write([run], tmp_path / "with"))
    row = shown.cells("gaps", detector="blunt", inpainter="beta", bin="all")
    assert row[RESIDUAL.key].startswith("−1.00")
    run.quality = run.quality.drop(columns=[metric.column for metric in DOMAIN_GAPS if metric.column in run.quality])
    assert "gaps-table" not in Page(form.write([run], tmp_path / "without")).rows
