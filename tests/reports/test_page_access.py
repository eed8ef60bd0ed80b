"""Pages for everybody: axe-core finds nothing, the keyboard reaches all, charts are saved, paper holds every table."""

from __future__ import annotations

import importlib.resources
import importlib.util
import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safebench.results.reporting import write_report

from .browsing import DESKTOP, PHONE, Open
from .making import FEW, MakeRun

LOST = {"jpeg:75": {"sharp": 0.1, "blunt": 0.2}, "jpeg:50": {"sharp": 0.2, "blunt": 0.3}}
WHOLE = {"sharp": 0.1, "blunt": 0.2}
A4 = (695, 900)
"""What lies between the margins of a sheet, in CSS pixels."""
SHAPES = ("path", "circle", "line", "rect", "text")
SVG = "{http://www.w3.org/2000/svg}"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboard with the report of its run: of few photos, so that every section is there and none is long."""
    run = make_run(
        "access", photos=FEW, pictures=1, lost=LOST, whole=WHOLE, errors={("beta", "blunt"): "out of memory"}
    )
    return write_report([run], tmp_path_factory.mktemp("site"), "leaderboard")


@pytest.fixture(scope="module")
def report(site: Path) -> Path:
    [path] = site.parent.glob("run-reports/*/index.html")
    return path


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's script, as axe-playwright-python brings it."""
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("needs axe-playwright-python, which brings axe-core (pip install 'safebench[dev]')")
    return importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()


def settled(page: Any) -> None:
    """With the table that is loaded late, and nothing folded away."""
    if page.locator("#pictures").count():
        page.locator("#pictures").scroll_into_view_if_needed()
        page.wait_for_selector("#pictures.loaded td")
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")


def test_axe_finds_no_violation(open_page: Open, site: Path, report: Path, axe: str) -> None:
    """By all its rules in light colours, and in dark ones by that of contrast, which alone knows colours."""
    for path in (report, site, site.with_name("head-to-head.html")):
        page = open_page(path)
        settled(page)
        for opener in page.locator("#table-0 .opener").all()[:1]:
            opener.click()
        page.evaluate(axe)
        for colours, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=colours)
            options = {"preload": False, "resultTypes": ["violations"], **rules}
            found = page.evaluate("(options) => axe.run(document, options)", options)
            told = [
                (fault["id"], fault["help"], [n["html"] for n in fault["nodes"]][:3]) for fault in found["violations"]
            ]
            assert told == [], (path.name, colours)
            assert "color-contrast" in {rule["id"] for rule in found["passes"]}


def test_the_keyboard_alone_reaches_everything(open_page: Open, report: Path) -> None:
    """Every control and chart, in the order in which they stand, each with a visible mark of where one is."""
    page = open_page(report)
    settled(page)
    page.evaluate(
        """() => { let number = 0;
            const reached = "a[href], button, input, select, summary, svg.chart, [role=button], .scroll, #wall";
            const parts = [...document.querySelectorAll(reached)].filter((part) => part.checkVisibility());
            for (const part of parts) part.dataset.reach = number++; }"""
    )
    expected = page.evaluate(
        """() => [...document.querySelectorAll('[data-reach]')]
            .filter((part) => !part.disabled && part.tabIndex >= 0 && !(part.type === 'radio' && !part.checked))
            .map((part) => Number(part.dataset.reach))"""
    )
    reached, unmarked = [], []
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    for _ in range(2 * len(expected)):
        page.keyboard.press("Tab")
        number, marked = page.evaluate(
            """() => { const now = document.activeElement;
                const mark = getComputedStyle(now.type === 'radio' ? now.nextElementSibling : now);
                const marked = mark.outlineStyle !== 'none' && parseFloat(mark.outlineWidth) >= 1;
                return [Number(now.dataset.reach ?? -1), marked]; }"""
        )
        if number in reached:
            break
        if number >= 0:
            reached.append(number)
            unmarked += [] if marked else [number]
    assert [number for number in reached if number in expected] == expected
    assert unmarked == []


def test_the_arrow_keys_step_through_a_charts_points(open_page: Open, site: Path, report: Path) -> None:
    from playwright.sync_api import expect

    page = open_page(report)
    for chart, count in (
        ("#scatter svg.chart", 3),
        ("#lines svg.chart >> nth=0", 6),
        ("#slopes svg.chart >> nth=0", 4),
    ):
        plot = page.locator(chart)
        plot.focus()
        said = []
        for _ in range(count + 1):
            page.keyboard.press("ArrowRight")
            said.append(page.locator("main > p[role=status]").text_content())
            expect(plot.locator("[aria-label=tip]")).to_contain_text(said[-1].split("\n")[0])
        assert len({*said}) == count
        assert said[-1] == said[0]
        page.keyboard.press("Escape")
        expect(page.locator("main > p[role=status]")).to_be_empty()
    duel = open_page(site.with_name("head-to-head.html"))
    duel.locator("#duel-charts svg.chart").first.focus()
    duel.keyboard.press("ArrowLeft")
    assert "A − B" in duel.locator("main > p[role=status]").text_content()


def test_a_chart_is_saved_as_it_looks(open_page: Open, report: Path) -> None:
    page = open_page(report)

    def saved(button: Any) -> tuple[str, bytes]:
        button.focus()
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    scatter, curves = ("#scatter", 3, {"alpha", "beta", "gamma"}), ("#curves", 6, {"sharp", "blunt"})
    for colours, (place, marks, names) in (("light", scatter), ("dark", scatter), ("dark", curves)):
        page.emulate_media(color_scheme=colours)
        chart = page.locator(f"{place} svg.chart").first
        figure = page.locator(f"{place} figure").first
        name, svg = saved(figure.get_by_role("button", name="Save as SVG"))
        root = ET.fromstring(svg)
        assert name.endswith(".svg")
        texts = [(text.text or "") for text in root.iter(f"{SVG}text")]
        assert names <= {*texts}  # the legend is in the file
        assert not any("  " in text for text in texts)  # which a viewer would take for one space
        assert all(word not in svg.decode() for word in ("var(", "class=", "style=", "<style", "http://localhost"))
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert next(root.iter(f"{SVG}rect")).get("fill") == ground
        [inner] = root.findall(f"{SVG}svg")
        kept = [part for part in inner.iter() if part.tag.removeprefix(SVG) in SHAPES]
        drawn = "(svg, of) => [...svg.querySelectorAll(of)].filter((part) => !part.closest('[data-mark=tip]')).length"
        assert len(kept) == chart.evaluate(drawn, ", ".join(SHAPES))
        name, png = saved(figure.get_by_role("button", name="Save as PNG"))
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        assert name.endswith(".png")
        assert pixels.shape[:2] == tuple(2 * int(root.attrib[side]) for side in ("height", "width"))
        assert pixels[1, 1].tolist() == [int(level) for level in ground[4:-1].split(",")]
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > marks  # something is drawn


def test_on_paper_no_control_and_no_cut_table(open_page: Open, site: Path, report: Path) -> None:
    for path in (report, site, site.with_name("head-to-head.html")):
        page = open_page(path, A4)
        if page.locator("#pictures").count():
            page.locator("#pictures").scroll_into_view_if_needed()
            page.wait_for_selector("#pictures.loaded td")
        page.emulate_media(media="print")
        wide = page.evaluate(
            "[...document.querySelectorAll('table, svg.chart, .card, p')].filter((part) => part.checkVisibility() && "
            "part.getBoundingClientRect().right > innerWidth + 1).map((part) => part.id || part.className)"
        )
        assert wide == [], path.name
        controls = page.evaluate(
            "[...document.querySelectorAll('button, select, input, .dt-paging, nav, [role=button]')]"
            ".filter((part) => part.checkVisibility({ visibilityProperty: true }) && part.getClientRects().length)"
            ".map((part) => part.outerHTML)"
        )
        assert controls == []
    page = open_page(report, A4)
    assert page.locator("#results-tools + .shown").is_hidden()
    page.emulate_media(media="print")
    assert "Hole all bins" in page.locator("#results-tools + .shown").inner_text()
    assert page.locator("#pictures").is_hidden()  # nothing was loaded into it


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_the_auc_is_in_sight_and_conditions_need_no_click(open_page: Open, site: Path, report: Path, size: Any) -> None:
    page = open_page(report, size)
    settled(page)
    for table, key in (("results", "auc"), ("robustness", "auc"), ("assembly", "auc_spliced"), ("pictures", "")):
        head = page.locator(f"#{table}-table th[data-key={key}]" if key else f"#{table}-table th[aria-label=AUC]")
        box = head.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0], table
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    conditions = "(id) => [...document.querySelectorAll(`#${id}-table tbody tr`)].map((row) => row.dataset.postprocess)"
    for table in ("robustness", "false-alarms"):
        assert {*page.evaluate(conditions, table)} == {"none", "jpeg:75", "jpeg:50"}
    assert page.locator("#slopes svg.chart").count() == 1
    assert page.locator("#controls-table th[data-key=postprocess]").count() == 0  # its filter says it
    box = open_page(site, size).locator("#table-0 table:visible th[data-key=auc]").bounding_box()
    assert box["x"] + box["width"] <= size[0]
