"""The leaderboard in a browser: two views, filters, rows that open, head to head; and what its data says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from safebench.results.paired import compare_models
from safebench.results.reporting import write_report
from safebench.results.results import Results

from .browsing import DESKTOP, PHONE, Open, choose_all
from .making import FEW, MakeRun, model
from .nasty import CONDITIONS, nasty_run

FIRST, OTHER = "#table-0", "#table-1"


@pytest.fixture(scope="module")
def runs(make_run: MakeRun) -> list[Results]:
    main = make_run("main", pictures=20, info={"config": {"size": 256, "images": "/home/me/secret photos"}})
    beside = make_run("beside", inpainters={"delta": model("delta")}, info={"config": {"size": 256}})
    apart = make_run("apart", dataset="places2", info={"lpips_net": "squeeze", "config": {"size": 128}})
    return [main, beside, apart]


@pytest.fixture(scope="module")
def site(runs: list[Results], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(runs, tmp_path_factory.mktemp("site"), "leaderboard")


@pytest.fixture(scope="module")
def page(open_once: Open, site: Path) -> Any:
    """The leaderboard in a wide window, for tests that leave it as they found it."""
    return open_once(site)


def shown(page: Any, column: str, board: str = FIRST) -> list[str]:
    """What a column of the visible table holds."""
    found: list[str] = page.evaluate(
        """([board, column]) => {
            const view = [...document.querySelectorAll(`${board} [data-view-of]`)].find((box) => !box.hidden);
            const table = view.querySelector("table.ranked");
            const place = [...table.tHead.rows[0].cells].findIndex((head) => head.dataset.key === column);
            return [...table.tBodies[0].rows].filter((row) => row.cells.length > 1)
                .map((row) => row.cells[place].querySelector("b").textContent);
        }""",
        [board, column],
    )
    return found


def choose(page: Any, facet: str, label: str, board: str = FIRST) -> None:
    page.locator(f"{board} select[data-facet={facet}]:visible").select_option(label=label)


@pytest.mark.parametrize(("size", "colours"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_it_opens_quietly_and_fits(open_page: Open, site: Path, size: Any, colours: str) -> None:
    page = open_page(site, size, colours)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.locator(f"{FIRST} .opener").first.click()
    page.locator(f"{FIRST} .chooser:visible summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.keyboard.press("Escape")
    assert not page.locator(".chooser-box:visible").count()
    assert page.locator("#scatter svg.chart").get_attribute("aria-label").startswith("Scatter of")
    duel = open_page(site.with_name("head-to-head.html"), size, colours)
    assert duel.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_two_views_filters_and_columns(open_page: Open, site: Path) -> None:
    page = open_page(site)
    assert shown(page, "inpainter") == ["delta", "alpha", "gamma", "beta", "copy", "noise"]
    assert shown(page, "rank")[:4] == ["1", "2", "3", "4"]
    choose(page, "bin", "each")
    assert len(shown(page, "inpainter")) == 18
    choose(page, "bin", "30–40%")
    choose(page, "detector", "sharp")
    assert set(shown(page, "opponent")) == {"sharp"}
    page.locator(f"{FIRST} [data-search]:visible").fill("gam")
    assert shown(page, "inpainter") == ["gamma"]
    page.locator(f"{FIRST} .views label", has_text="detectors").click()
    assert shown(page, "detector") == ["blunt", "sharp"]
    assert shown(page, "false_alarm_rate") == ["0.000", "0.000"]
    page.locator(f"{FIRST} .chooser:visible summary").click()
    page.locator(f"{FIRST} [data-column=mcc]:visible").check()
    assert len(shown(page, "mcc")) == 2
    assert shown(page, "licence") == ["MIT", "MIT"]
    page.locator(f"{FIRST} [data-column=licence]:visible").uncheck()
    assert not page.locator(f"{FIRST} th[data-key=licence]:visible").count()
    assert shown(page, "inpainter", OTHER) == ["alpha", "gamma", "beta", "copy", "noise"]
    assert (
        page.locator(OTHER).get_by_text("Apart from Table 1: other size (128 pixels against 256 pixels)").is_visible()
    )


def test_a_row_opens_by_keyboard_to_all_that_is_known(page: Any) -> None:
    button = page.get_by_role("button", name="Details of gamma").first
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    box = page.locator(".details-box")
    assert box.get_by_text("c" * 64).is_visible()  # the weights' checksum
    assert box.locator("table").first.locator("tbody tr").count() == 3
    heads = [text for text in box.locator("h3").all_inner_texts() if text.startswith(("Gallery", "Hidden", "Found"))]
    assert heads == ["Gallery", "Hidden best from blunt", "Found best by blunt"]
    page.wait_for_function("[...document.querySelectorAll('.details-box img')].some(i => i.complete && i.naturalWidth)")
    assert box.get_by_role("link", name="Run main").get_attribute("href") == "run-reports/main/index.html#provenance"
    page.keyboard.press("Enter")
    assert page.locator(".details-box").count() == 0


def test_head_to_head_says_what_the_stored_rows_say(open_page: Open, site: Path, runs: list[Results]) -> None:
    page = open_page(site.with_name("head-to-head.html"))
    page.locator("[data-pick=a]").select_option("beta")
    page.locator("[data-pick=b]").select_option("alpha")
    expected = compare_models(runs[0].detection, "beta", "alpha", "auc")
    row = expected[(expected["detector"] == "sharp") & (expected["bin"] == "all")].iloc[0]
    text = page.locator("#duel-table tbody tr", has_text="AUC").filter(has_text="sharp").first.inner_text()
    assert f"{row['difference']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in text
    assert text.split("\t")[-1] == ("alpha" if row["p"] < 0.05 else "not settled")
    assert page.locator("#duel-charts svg.chart").first.get_attribute("role") == "img"
    page.locator("[data-pick=view]").select_option("detector")
    assert "on images of" in page.locator("#duel-table").inner_text().lower()
    assert "all together" in page.locator("#duel-table").inner_text()


def test_pairs_are_data_too(site: Path, runs: list[Results]) -> None:
    pairs = pd.read_parquet(site.parent / "downloads" / "head-to-head.parquet")
    one = pairs.query("table == 'Table 2' and a == 'alpha' and b == 'beta' and metric == 'f1' and against == 'sharp'")
    expected = compare_models(runs[2].detection, "alpha", "beta", "f1").query("detector == 'sharp'")
    figures = ["n", "difference", "low", "high", "p"]
    again = expected.set_index("bin")[figures].reindex(one["bin"])
    pd.testing.assert_frame_equal(one.set_index("bin")[figures], again, check_names=False)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs a LaTeX with booktabs (pdflatex)")
def test_a_pair_as_latex_compiles(open_page: Open, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("tex", inpainters={"50%_{off}": model("n"), "a&b": model("m")}, detectors={"#1": model("d")})
    page = open_page(write_report([run], tmp_path, "leaderboard").with_name("head-to-head.html"))
    page.locator("#duel-tex summary").click()
    table = page.locator("#duel-tex pre").inner_text()
    whole = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{table}\end{{document}}"
    (tmp_path / "pair.tex").write_text(whole)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "pair.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_one_alone_meets_nobody(open_page: Open, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("lone", inpainters={"alpha": model("alpha")}, info={"status": "started"})
    site = write_report([run], tmp_path, "leaderboard")
    assert open_page(site).get_by_text("Not finished: lone.").is_visible()
    page = open_page(site.with_name("head-to-head.html"))
    assert page.locator("#duel-lead").inner_text() == "There is one inpainter in this table: a pair takes two."
    assert not page.locator("#duel-table").is_visible()


def test_table_sentence_and_chart_name_the_same_one(open_page: Open, make_run: MakeRun, tmp_path: Path) -> None:
    """delta is hardest to find, yet met one of two detectors; alpha failed on images: neither is named anywhere."""
    main = make_run("main", errors={("alpha", "blunt"): "out of memory"}, info={"config": {"size": 256}})
    lone = {"sharp": model("sharp")}
    delta = make_run("lone", inpainters={"delta": model("delta")}, detectors=lone, info={"config": {"size": 256}})
    page = open_page(write_report([main, delta], tmp_path, "leaderboard"))
    assert dict(zip(shown(page, "inpainter"), shown(page, "rank"), strict=True)) == {
        "gamma": "1", "beta": "2", "alpha": "–", "delta": "–", "copy": "–", "noise": "–",
    }  # fmt: skip
    assert page.locator(f"{FIRST} .lead").first.inner_text().startswith("Least detectable: gamma.")
    chart = page.locator("#scatter svg.chart").get_attribute("aria-label")
    assert "By AUC, least is found of gamma" in chart
    assert "delta" not in page.locator("#scatter figcaption p").inner_text()


def test_few_photos_settle_nothing(open_page: Open, make_run: MakeRun, tmp_path: Path) -> None:
    site = write_report([make_run("few", photos=FEW)], tmp_path, "leaderboard")
    page = open_page(site)
    leads = page.locator(f"{FIRST} .lead").all_inner_texts()
    assert [lead.split(":")[0] for lead in leads] == [
        "Too few to say which inpainter is least detectable", "Too few to say which detector finds most",
    ]  # fmt: skip
    assert set(shown(page, "rank")) == {"–"}
    assert "Too few to say who is hardest to detect: 4 photos" in page.locator("#scatter figcaption p").inner_text()
    duel = open_page(site.with_name("head-to-head.html"))
    assert "no p can lie below 0.13 with so few" in duel.locator("#duel-lead").inner_text()
    texts = duel.locator("#duel-table tbody tr").all_inner_texts()
    assert all("no verdict: too few to say" in text for text in texts)
    assert "at least 0.13 here" in texts[0]
    pairs = pd.read_csv(tmp_path / "downloads" / "head-to-head.csv")
    assert set(pairs["photos"]) == {4}
    assert (pairs.loc[pairs["metric"] == "auc", "smallest_p"] == 0.125).all()


def test_tables_of_one_data_set(page: Any) -> None:
    page.locator("#of-dataset").select_option("places2")
    assert not page.locator(FIRST).is_visible()
    assert page.locator(OTHER).is_visible()
    page.locator("#of-dataset").select_option(label="all")
    assert page.locator(FIRST).is_visible()


def test_pairs_are_those_of_one_at_a_time(site: Path, runs: list[Results]) -> None:
    text = site.with_name("head-to-head.html").read_text()
    found = re.search(r'id="duel-data">(.*?)</script>', text, re.DOTALL)
    assert found
    held = json.loads(found[1])[1]["inpainter"]  # table 2: one run
    names = held["names"]
    for metric, stored in (("f1", "f1"), ("detection_rate", "flagged")):
        expected = compare_models(runs[2].detection, "alpha", "beta", stored).set_index(["detector", "bin"])
        for row in held["rows"]:
            _, opponent, hole_bin, _, _, kind, a, b, n, difference, low, high, p, _, photos, smallest = row
            assert (photos, smallest) == (20, pytest.approx(1e-4 if difference else 1))
            if held["metrics"][kind]["key"] == metric and {names[a], names[b]} == {"alpha", "beta"}:
                key = {"all bins": "all", "10–20%": "10-20", "30–40%": "30-40"}[held["bins"][hole_bin]]
                one = expected.loc[held["opponents"][opponent], key]
                assert (n, difference, p) == pytest.approx((one["n"], one["difference"], one["p"]), rel=1e-3)
                assert (low, high) == pytest.approx((one["low"], one["high"]), rel=1e-3, abs=1e-9)


def test_without_scripts_the_ranking_stands(open_page: Open, site: Path) -> None:
    page = open_page(site, scripts=False)
    names = page.locator(f"{FIRST} table[data-view=inpainter] tbody tr td:nth-child(2)").all_inner_texts()
    assert names == ["delta", "alpha", "gamma", "beta", "copy", "noise"]
    assert page.locator(f"{FIRST} table[data-view=detector]").is_visible()
    assert not page.locator(".tools").first.is_visible()


def test_every_link_leads_somewhere_and_no_path_is_told(site: Path) -> None:
    for path in site.parent.rglob("*"):
        if path.suffix in (".html", ".json", ".csv", ".tex", ".md"):
            assert "/home/me" not in path.read_text()
    for page in (site, site.with_name("head-to-head.html")):
        for href in re.findall(r'(?:href|src)="([^"#]+)[^"]*"', page.read_text()):
            if not href.startswith("https://"):
                assert (site.parent / href).is_file(), href


def test_a_second_leaderboard_leaves_nothing_of_the_first(make_run: MakeRun, tmp_path: Path) -> None:
    write_report([make_run("one", photos=("a.png",)), make_run("two", dataset="x")], tmp_path, "leaderboard")
    write_report([make_run("two", photos=("a.png",))], tmp_path, "leaderboard")
    assert [path.name for path in (tmp_path / "run-reports").iterdir()] == ["two"]
    assert not list((tmp_path / "downloads").rglob("*-x-*"))


def test_markup_in_names_stays_text(open_page: Open, make_run: MakeRun, tmp_path: Path) -> None:
    site = write_report([nasty_run(make_run, pictures=1, **CONDITIONS)], tmp_path, "leaderboard")
    page = open_page(site, PHONE)
    for button in page.locator(".opener").all()[:2]:
        button.click()
    assert choose_all(page, "#robustness, #assembly") > 10
    assert page.evaluate("window.pwned") is None
    page.goto(site.with_name("head-to-head.html").as_uri())
    assert page.evaluate("window.pwned") is None


def test_a_run_without_detectors_has_quality_alone(make_run: MakeRun, tmp_path: Path, open_page: Open) -> None:
    page = open_page(write_report([make_run("none", detectors={})], tmp_path, "leaderboard"))
    assert shown(page, "inpainter")[:3]
