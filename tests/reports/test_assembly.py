"""Spliced and regenerated pictures on one page: each with its own figures, ranks and pairs, and side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import product
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safebench_reports._common.export import tables_of
from safebench_reports._common.papers import paper_tables
from safebench_reports._common.runs import records
from safebench_reports._common.words import number

from safebench.results.paired import compare_models
from safebench.results.report_format import ReportFormat
from safebench.results.reporting import write_report
from safebench.results.results import Results

from .browsing import PHONE, Open
from .making import FEW, MakeRun
from .reading import Page

WHOLE = {"sharp": 0.2, "blunt": 0.02}
BOTH = ("spliced", "regenerated")
KEYS = ("inpainter", "detector", "assembly")


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
        compared = records(compare_models(rows, "alpha", "beta", "auc"))
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


@pytest.mark.parametrize("page", ["report", "site"])
def test_both_stand_side_by_side(page: str, run: Results, request: pytest.FixtureRequest) -> None:
    shown = Page(request.getfixturevalue(page))
    cells = {tuple(cell[key] for key in KEYS): cell for cell in records(run.detection_cells) if cell["bin"] == "all"}
    quality = {(cell["inpainter"], cell["assembly"]): cell for cell in records(run.quality_cells.query("bin == 'all'"))}
    for inpainter, detector in product(("alpha", "beta", "gamma"), WHOLE):
        row = shown.cells("assembly", inpainter=inpainter, detector=detector)
        for assembly, metric in product(BOTH, ("auc", "f1", "image_auc", "detection_rate_at_5")):
            assert row[f"{metric}_{assembly}"] == told(cells[inpainter, detector, assembly], metric)
        assert row["known_changed"] == told(quality[inpainter, "regenerated"], "known_changed")
        assert row["n"] == "40"
    assert len(shown.rows["assembly-table"]) == 2 + 6  # no controls: they have no such pictures
    for detector, lost in WHOLE.items():
        pooled = shown.cells("assembly", inpainter="all together", detector=detector)
        assert float(pooled["auc_lost"].split()[0]) == pytest.approx(lost, abs=0.01)
        assert pooled["n"] == "120"
        of_rows = run.quality.query("assembly == 'regenerated'")["known_changed"].mean()
        assert pooled["known_changed"].startswith(number(of_rows))
    assert "Loses least in whole pictures: blunt loses 0.0" in shown.text
    assert "Loses most in whole pictures: sharp loses 0." in shown.text
    drawn = shown.data["assembly-data"]["cells"]
    assert len(drawn) == 2 * 8
    for cell in drawn:
        if cell["inpainter"] != "all together":
            figure = cells[cell["inpainter"], cell["detector"], cell["condition"]]["auc"]
            assert cell["figures"]["auc"][0] == pytest.approx(figure, rel=1e-5)


def test_a_slope_for_each_detector_in_words_too(open_page: Open, report: Path) -> None:
    page = open_page(report, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    chart = page.locator("#slopes svg.chart")
    assert chart.get_attribute("aria-label").startswith(
        "AUC spliced against regenerated: one line for each of 2 detectors"
    )
    page.locator("#slopes summary").click()
    assert page.locator("#slopes thead th").all_inner_texts() == ["Detector", "spliced", "regenerated"]
    in_table = page.locator("#assembly-table tbody tr[data-detector=sharp] td.figure").all_inner_texts()[:2]
    told_beside = page.locator("#slopes tbody tr").first.locator("td").all_inner_texts()
    assert told_beside == ["sharp", *(" ".join(text.split()) for text in in_table)]


def test_a_run_of_one_assembly_has_no_such_section(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run()], tmp_path))
    assert "assembly-table" not in page.rows
    assert "assembly-data" not in page.data
    assert not [head for heads in page.heads.values() for head in heads if head == "assembly"]


def test_few_photos_name_nobody(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(whole=WHOLE, photos=FEW)], tmp_path))
    assert "Too few to say which detector loses least where whole pictures are regenerated: 4 photos" in page.text


@pytest.fixture(scope="module")
def conditions(open_once: Open, make_run: MakeRun, form: ReportFormat, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page of a run of several conditions and both assemblies: each test acts on a section that no other reads."""
    lost = {"jpeg:90": {"sharp": 0.01, "blunt": 0.1}, "jpeg:50": {"sharp": 0.03, "blunt": 0.2}}
    return open_once(form.write([make_run(whole=WHOLE, lost=lost, pictures=1)], tmp_path_factory.mktemp("conditions")))


@pytest.mark.parametrize("section", ["robustness", "assembly"])
def test_a_section_by_keyboard_alone(conditions: Any, section: str) -> None:
    page = conditions
    page.locator(f"#{section} select").first.focus()
    inside = f"document.querySelector('#{section}').contains(document.activeElement)"
    about = "(({ tagName, className, textContent, dataset }) => [tagName, className, textContent, dataset.pick])"
    reached, last = [], ""
    while page.evaluate(inside):
        tag, kind, text, pick = page.evaluate(f"{about}(document.activeElement)")
        reached.append(kind if kind == "scroll" else tag)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if text == "These figures as a table":
            page.keyboard.press("Enter")
        if pick == "metric":
            page.keyboard.press("End")
            last = page.evaluate("document.activeElement.selectedOptions[0].textContent")
        assert len(reached) < 60
        page.keyboard.press("Tab")
    assert reached.count("SELECT") == page.locator(f"#{section} select").count() >= 4
    assert reached.count("scroll") == 2  # the section's table and the chart's
    assert page.locator(f"#{section} svg.chart").get_attribute("aria-label").startswith(last)
    assert page.locator(f"#{section} .figures tbody tr").count() == 2


def test_the_gallery_is_of_one_condition_and_one_assembly(conditions: Any) -> None:
    page = conditions
    addresses = "(found) => [...document.querySelectorAll(found)].map((image) => image.getAttribute('src'))"
    under = "#wall .pair:first-child .under"
    plain = page.evaluate(addresses, under)
    original, _, _, composite = page.evaluate(addresses, "#wall > .pictures img")
    assert plain == [composite, original]
    page.locator("#gallery select[data-pick=assembly]").select_option(label="regenerated")
    assert page.get_by_role("heading", name="Regenerated picture of alpha", exact=True).is_visible()
    page.locator("#gallery select[data-pick=condition]").select_option(label="jpeg:50")
    assert page.get_by_role("heading", name="After jpeg:50", exact=True).is_visible()
    assert page.locator("#wall .pair").count() == 2  # a detector once
    shown = page.evaluate(addresses, under)
    assert len({*plain, *shown}) == 4
    assert all(address.endswith(".jpg") for address in shown)
    page.wait_for_function("[...document.querySelectorAll('#wall img')].every(i => i.complete && i.naturalWidth > 0)")
    page.locator("#gallery select[data-pick=inpainter]").select_option(label="noise")
    assert page.locator("#gallery select[data-pick=assembly] option").all_inner_texts() == ["spliced"]


def test_head_to_head_opens_on_the_usual_condition_and_shows_the_others(
    open_page: Open, make_run: MakeRun, tmp_path: Path
) -> None:
    lost = {"jpeg:75": {"sharp": 0.01, "blunt": 0.1}}
    run = make_run(whole=WHOLE, lost=lost, photos=FEW)
    page = open_page(write_report([run], tmp_path, "leaderboard").with_name("head-to-head.html"))
    assert [page.locator(f"[data-pick={name}]").input_value() for name in ("postprocesses", "assemblies")] == [
        "none",
        "spliced",
    ]
    pairs = pd.read_csv(tmp_path / "downloads" / "head-to-head.csv").query("metric == 'auc' and bin == 'all'")
    for assembly, postprocess in product(BOTH, ("none", "jpeg:75")):
        page.locator("[data-pick=assemblies]").select_option(assembly)
        page.locator("[data-pick=postprocesses]").select_option(postprocess)
        own = pairs[(pairs["assembly"] == assembly) & (pairs["postprocess"] == postprocess)]
        [expected] = records(own.query("a == 'alpha' and b == 'beta' and against == 'sharp'"))
        shown = page.locator("#duel-table tbody tr", has_text="AUC").filter(has_text="sharp").first
        assert shown.locator("td").nth(2).inner_text().startswith(number(expected["difference"]))


def test_controls_and_false_alarms_are_shown_of_one_condition(conditions: Any) -> None:
    page = conditions
    for table, rows in (("false-alarms", 2), ("controls", 4)):
        conditions = f"[...document.querySelectorAll('#{table}-table tbody tr')].map((row) => row.dataset.postprocess)"
        for condition in ("none", "jpeg:50"):
            page.locator(f"#{table}-tools select").select_option(label=condition)
            assert page.evaluate(conditions) == [condition] * rows


def test_where_there_are_regenerated_pictures_alone_every_verdict_says_so(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    run = make_run(whole=WHOLE)
    run.quality = run.quality[run.quality["assembly"] == "regenerated"].reset_index(drop=True)
    run.detection = run.detection[run.detection["assembly"] != "spliced"].reset_index(drop=True)
    told = "All of this is of regenerated pictures, an inpainter's whole output."
    assert Page(form.write([run], tmp_path / "report")).text.count(told) == 1
    site = Page(write_report([run], tmp_path / "site", "leaderboard"))
    assert site.text.count(told) == 2  # of inpainters, and of detectors
    assert "assembly-table" not in site.rows
