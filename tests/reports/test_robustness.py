"""Several conditions on one page: the robustness table, the curves, and that no figure mixes conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safebench_reports._common.words import number

from safebench.results.conditions import curves, in_order
from safebench.results.report_format import ReportFormat
from safebench.results.reporting import write_report
from safebench.results.results import Results

from .browsing import DESKTOP, PHONE, Open
from .making import FEW, MakeRun
from .reading import Page

LOST = {
    "jpeg:90": {"sharp": 0.01, "blunt": 0.1},
    "jpeg:50": {"sharp": 0.03, "blunt": 0.2},
    "resize:0.5+jpeg:90": {"sharp": 0.02, "blunt": 0.15},
}


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Results:
    return make_run("conditions", pictures=1, lost=LOST, auc=lambda *_: 0.8)


@pytest.fixture(scope="module")
def report(form: ReportFormat, run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return form.write([run], tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def site(run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([run], tmp_path_factory.mktemp("site"), "leaderboard")


def test_levels_run_from_mild_to_strong() -> None:
    labels = ["resize:0.5+jpeg:90", "blur:15", "jpeg:50", "none", "blur:3", "jpeg:100", "resize:0.5+back", "odd"]
    assert in_order(labels) == [
        *("none", "blur:3", "blur:15", "jpeg:100", "jpeg:50", "resize:0.5+back", "odd", "resize:0.5+jpeg:90")
    ]
    found = curves(labels)
    assert found["jpeg"] == [("none", "none"), ("jpeg:100", "100"), ("jpeg:50", "50")]
    assert found["resize+back"] == [("none", "none"), ("resize:0.5+back", "0.5")]
    assert list(found) == ["blur", "jpeg", "resize+back"]
    assert curves(["jpeg:50"]) == {}
    assert list(curves(["other:2", "other:1"])["other"]) == [("other:1", "1"), ("other:2", "2")]


@pytest.mark.parametrize("page", ["report", "site"])
def test_every_condition_of_each_detector_stands_with_its_own_figures(
    page: str, run: Results, request: pytest.FixtureRequest
) -> None:
    shown = Page(request.getfixturevalue(page))
    cells = run.detection_cells.query("bin == 'all'")
    for _, cell in cells.iterrows():
        row = shown.cells("robustness", **{key: cell[key] for key in ("inpainter", "detector", "postprocess")})
        for metric in ("auc", "image_auc", "detection_rate_at_5"):
            interval = f"[{number(cell[f'{metric}_low'])}, {number(cell[f'{metric}_high'])}]"
            assert row[metric].startswith(number(cell[metric])), metric
            assert row[metric].endswith(interval), metric
        assert row["false_alarm_rate"] == "0.000 [0.000, 0.168]"
    assert len(shown.rows["robustness-table"]) == len(cells) + 2 * 4
    for detector in ("sharp", "blunt"):
        for condition, lost in LOST.items():
            pooled = shown.cells("robustness", inpainter="all together", detector=detector, postprocess=condition)
            assert float(pooled["auc_lost"].split()[0]) == pytest.approx(lost[detector], abs=0.01)
        plain = shown.cells("robustness", inpainter="all together", detector=detector, postprocess="none")
        assert plain["auc_lost"] == "–"
        assert plain["n"] == "120"
    assert "Most robust to post-processing: sharp loses 0.0" in shown.text
    assert "Most fragile: blunt loses 0.2" in shown.text


def test_a_run_without_post_processing_has_no_such_section(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    page = Page(form.write([make_run()], tmp_path))
    assert "robustness-table" not in page.rows
    assert "robustness-data" not in page.data
    assert "Robustness" not in page.text


def test_few_photos_name_neither(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(photos=FEW, lost=LOST, auc=lambda *_: 0.8)], tmp_path))
    assert "Too few to say which detector is most robust to post-processing: 4 photos" in page.text
    assert "Most fragile" not in page.text


ALL_MISLED = {"jpeg:50": {"sharp": 0.7, "blunt": 0.7}}


def test_sentences_speak_of_one_condition(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    plain = Page(form.write([make_run(auc=lambda name, *_: 0.5 if name == "copy" else 0.9)], tmp_path / "plain"))
    run = make_run(lost=ALL_MISLED, auc=lambda name, *_: 0.5 if name == "copy" else 0.9)
    page = Page(form.write([run], tmp_path / "both"))
    for text in ("Inverted, AUC clearly below 0.5", "Controls that do not hold"):
        assert text not in page.text
    assert "Controls hold: copy at AUC 0.5" in plain.text
    assert "Controls hold: copy at AUC 0.5" in page.text
    site = Page(write_report([run], tmp_path / "site", "leaderboard"))
    assert "Finds most: " in site.text
    assert "All of this is after" not in page.text + site.text


def test_without_an_unprocessed_condition_one_is_named(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(lost=LOST, auc=lambda *_: 0.8)
    run.detection = run.detection[run.detection["postprocess"] != "none"].reset_index(drop=True)
    assert "All of this is after post-processing by jpeg:50." in Page(form.write([run], tmp_path / "report")).text
    site = Page(write_report([run], tmp_path / "site", "leaderboard"))
    assert site.text.count("All of this is after post-processing by jpeg:50.") == 2
    few = make_run(photos=FEW, lost=LOST, auc=lambda *_: 0.8)
    few.detection = few.detection[few.detection["postprocess"] != "none"].reset_index(drop=True)
    text = Page(form.write([few], tmp_path / "few")).text
    assert "ranking or naming takes 20. All of this is after post-processing by jpeg:50." in text


@pytest.mark.parametrize(("size", "colours"), [(DESKTOP, "dark"), (PHONE, "light")])
@pytest.mark.parametrize("page", ["report", "site"])
def test_it_fits_and_shows_one_choice_first(
    open_page: Open, page: str, size: Any, colours: str, request: pytest.FixtureRequest
) -> None:
    shown = open_page(request.getfixturevalue(page), size, colours)
    assert shown.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert shown.locator("#robustness-table tbody tr").count() == 8  # all inpainters together
    shown.locator("#robustness-tools select[data-facet=postprocess]").select_option("jpeg:50")
    assert shown.locator("#robustness-table tbody tr").count() == 2


def test_a_curve_for_each_post_processing_with_a_line_for_each_detector(open_page: Open, report: Path) -> None:
    page = open_page(report)
    chart = page.locator("#curves svg.chart")
    assert chart.count() == 1  # a chain of two steps has no level
    assert chart.get_attribute("role") == "img"
    assert chart.get_attribute("aria-label").startswith("AUC over the level of jpeg, from mild to strong: one line for")
    assert page.locator("#curves [data-legend] li").all_inner_texts() == ["sharp", "blunt"]
    page.locator("#curves summary").click()
    heads = page.locator("#curves thead th").all_inner_texts()
    assert heads == ["Detector", "none", "90", "50"]
    first = page.locator("#curves tbody tr").nth(1).locator("td").all_inner_texts()
    values = [float(text.split()[0]) for text in first[1:]]
    assert first[0] == "blunt"
    assert values == pytest.approx([0.8, 0.7, 0.6], abs=0.02)
    assert all("[" in text for text in first[1:])
    page.locator("#curves select[data-pick=inpainter]").select_option("noise")
    page.locator("#curves select[data-pick=metric]").select_option("false_alarm_rate")
    assert page.locator("#curves svg.chart").get_attribute("aria-label").startswith("False-alarm rate over the level")
