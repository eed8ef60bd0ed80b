"""The HTML report in a browser: it works from disk, asks nothing of any network, and can be used by anyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safebench.results.report_format import ReportFormat

from .browsing import DESKTOP, PHONE, SMALL_PHONE, Open, choose_all
from .making import MakeRun
from .nasty import CONDITIONS, NASTY, nasty_run


@pytest.fixture(scope="module")
def report(make_run: MakeRun, form: ReportFormat, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run("demo", pictures=3, errors={("beta", "blunt"): "blunt ran out of memory"})
    return form.write([run], tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(open_once: Open, report: Path) -> Any:
    """The report in a wide window, in light colours, for tests that leave alone what others look at."""
    return open_once(report)


def column(page: Any, name: str, table: str = "results") -> list[str]:
    """What a column's visible cells are sorted by."""
    script = """([table, name]) => {
        const shown = document.getElementById(`${table}-table`);
        const place = [...shown.tHead.rows[0].cells].findIndex((head) => head.dataset.key === name);
        return [...shown.tBodies[0].rows].map((row) => row.cells[place].dataset.order);
    }"""
    found: list[str] = page.evaluate(script, [table, name])
    return found


def facet(page: Any, name: str, table: str = "results") -> list[str]:
    """What the visible rows are of."""
    script = (
        "([table, name]) => [...document.querySelectorAll(`#${table}-table tbody tr`)].map((row) => row.dataset[name])"
    )
    found: list[str] = page.evaluate(script, [table, name])
    return found


def pick(page: Any, section: str, name: str, label: str) -> None:
    page.locator(f"{section} select[data-facet={name}], {section} select[data-pick={name}]").select_option(label=label)


@pytest.mark.parametrize("size", [DESKTOP, PHONE, SMALL_PHONE])
def test_it_opens_quietly_and_fits_the_window(open_page: Open, report: Path, size: Any) -> None:
    page = open_page(report, size)
    assert page.locator("#lines svg.chart").count() == 2
    for colours, ground in (("light", "rgb(253, 253, 251)"), ("dark", "rgb(21, 24, 27)")):
        page.emulate_media(color_scheme=colours)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert (
            page.evaluate("Math.max(...[...document.querySelectorAll('main, .card, .tools')].map(e => e.scrollWidth))")
            <= size[0]
        )
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_sorting_by_mouse_and_keyboard_with_the_missing_last(page: Any) -> None:
    from playwright.sync_api import expect  # it waits: the table answers a moment later

    head = page.locator("#results-table th[data-key=auc]")
    head.click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    up = column(page, "auc")
    assert head.get_by_role("button").get_attribute("aria-label").startswith("AUC: ")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    down = column(page, "auc")
    assert up[-1] == down[-1] == ""  # beta failed before blunt
    assert len(up) == 10
    assert [float(value) for value in up[:-1]] == sorted(float(value) for value in up[:-1])
    assert down[:-1] == up[-2::-1]


def test_filters_and_search(open_page: Open, report: Path) -> None:
    page = open_page(report)
    assert set(facet(page, "bin")) == {"all"}  # all bins together, until the reader asks for more
    assert page.locator("#results-table th[data-key=bin]").count() == 0  # the filter says it
    pick(page, "#results-tools", "bin", "each")
    assert len(column(page, "bin")) == 30
    pick(page, "#results-tools", "detector", "blunt")
    pick(page, "#results-tools", "bin", "30–40%")
    assert column(page, "inpainter") == ["alpha", "beta", "gamma", "copy", "noise"]
    assert set(facet(page, "detector")) == {"blunt"}
    page.locator("#results-tools [data-search]").fill("gam")
    assert column(page, "inpainter") == ["gamma"]
    page.locator("#results-tools [data-search]").fill("nobody")
    assert page.get_by_text("No row fits these filters.").is_visible()


def test_the_reader_chooses_the_columns(page: Any) -> None:
    oracle = page.locator("#results-table").get_by_text("F1-best (oracle)")
    assert oracle.count() == 0
    page.locator("#results-tools summary").click()
    page.get_by_label("F1-best (oracle)").first.check()
    assert oracle.is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#results-tools .chooser-box").is_visible()


def test_the_reading_direction_moves_the_marks(open_page: Open, report: Path) -> None:
    page = open_page(report)

    def bold(inpainter: str, detector: str) -> bool:
        row = f"#results-table tr[data-inpainter={inpainter}][data-detector={detector}]"
        auc = page.locator(f"{row} td.figure b").first
        return int(auc.evaluate("found => getComputedStyle(found).fontWeight")) > 600

    assert (bold("alpha", "sharp"), bold("beta", "sharp"), bold("alpha", "blunt")) == (True, False, True)
    assert not bold("gamma", "sharp")  # inverted: never best
    page.get_by_text("the detector: higher is better").click()
    assert (bold("alpha", "sharp"), bold("alpha", "blunt"), bold("gamma", "sharp")) == (False, True, False)
    assert page.locator("#results-table th[data-key=auc] .for-detector").is_visible()


def test_charts_have_figures_and_words(page: Any) -> None:
    scatter = page.locator("#scatter svg.chart")
    assert scatter.get_attribute("role") == "img"
    assert "By AUC, least is found of alpha" in scatter.get_attribute("aria-label")
    before = scatter.inner_html()
    pick(page, "#scatter", "detector", "sharp")
    assert page.locator("#scatter svg.chart").inner_html() != before
    assert "gamma (inverted)" in page.locator("#scatter svg.chart").text_content()
    assert page.locator("#lines svg.chart").count() == 2
    pick(page, "#lines", "metric", "LPIPS (squeeze)")
    assert page.locator("#lines svg.chart").count() == 1
    pick(page, "#lines", "metric", "AUC")
    page.locator("#lines summary").first.click()
    assert page.locator("#lines table").first.locator("tbody tr").count() == 3
    page.get_by_label("show controls").check()
    assert page.locator("#legend li").all_inner_texts() == ["alpha", "beta", "gamma", "copy", "noise"]


def test_lines_are_told_apart_without_colour(page: Any) -> None:
    page.locator("[data-pick=controls]").check()
    dashes = (
        "(lines) => lines.map((line) => line.closest('[stroke-dasharray]')?.getAttribute('stroke-dasharray') ?? '')"
    )
    for lines in (
        page.locator("#legend line"),
        page.locator("#lines svg.chart").first.locator("[data-mark=line] path"),
    ):
        looks = lines.evaluate_all(dashes)
        assert len(looks) == len(set(looks)) == 5


def test_the_gallery_by_mouse_and_keyboard(page: Any) -> None:
    shown = "document.querySelector('#gallery select[data-pick=photo]').selectedOptions[0].textContent"
    seen = {page.locator("#wall img").first.get_attribute("src")}
    page.get_by_label("Next photo").click()
    assert page.evaluate(shown) == "two.png"
    page.locator("#wall").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(shown) == "three.png"
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate(shown) == "three.png"
    seen.add(page.locator("#wall img").first.get_attribute("src"))
    assert len(seen) == 2
    pick(page, "#gallery", "sample", "30–40%")
    pick(page, "#gallery", "inpainter", "beta")
    page.get_by_label("Next photo").click()
    assert page.get_by_role("heading", name="Composite of beta", exact=True).is_visible()
    assert page.get_by_role("heading", name="Hole, 30–40%").is_visible()
    assert page.get_by_text("blunt ran out of memory").last.is_visible()
    assert page.locator("#wall .pair").count() == 2
    page.wait_for_function("[...document.querySelectorAll('#wall img')].every(i => i.complete && i.naturalWidth > 0)")
    assert page.locator("#wall img").count() > 6
    opacity = "Number(getComputedStyle(document.querySelector('#wall .map')).opacity)"
    page.locator("#gallery input[type=range]").fill("25")
    assert page.evaluate(opacity) == pytest.approx(0.25)


def test_the_colours_can_be_chosen_and_are_kept(open_page: Open, report: Path) -> None:
    page = open_page(report, colours="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").get_by_text("Dark").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.locator("#theme").get_by_text("Auto").click()
    assert page.evaluate(ground) == light


def test_text_stands_out_from_its_ground(page: Any) -> None:
    levels = """(selector) => {
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const light = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((level) => level / 255)
                .map((level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const found = document.querySelector(selector);
        let ground = found;
        while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
        const [a, b] = [light(getComputedStyle(found).color), light(getComputedStyle(ground).backgroundColor)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }"""
    for colours in ("dark", "light"):
        page.emulate_media(color_scheme=colours)
        for selector in (".lead", ".note", ".figure i", ".tag.warning", ".tag.good", "nav a", "a", ".control b", "th"):
            assert page.evaluate(levels, selector) >= 4.5, (selector, colours)


def test_without_scripts_the_tables_stand(open_page: Open, report: Path) -> None:
    page = open_page(report, scripts=False)
    assert page.locator("#results-table tbody tr").count() == 30
    assert page.locator("#quality-table").is_visible()
    assert page.get_by_text("Least detectable").is_visible()
    assert page.get_by_text("The charts need scripts").is_visible()
    for unusable in ("#results-tools", "#theme", "#chart-tools", "#gallery-tools"):
        assert not page.locator(unusable).is_visible()


def test_on_paper_the_tools_are_gone_and_the_ground_is_light(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("#results-tools").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="light")


def test_markup_in_names_stays_text(open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = open_page(form.write([nasty_run(make_run, pictures=1, **CONDITIONS)], tmp_path), PHONE)
    tables = ("results", "quality", "robustness", "assembly", "false-alarms", "controls")
    sections = (*(f"#{name}-tools" for name in tables), "#scatter", "#lines", "#curves", "#slopes", "#gallery")
    assert choose_all(page, ", ".join(sections)) > 100
    for summary in page.locator("#curves summary, #slopes summary").all():
        summary.click()
    assert page.locator("#curves h4").inner_text() == NASTY[0]
    page.locator("#results-table th[data-key=inpainter]").click()
    page.get_by_label("show controls").check()
    assert page.evaluate("window.pwned") is None
    assert (
        page.evaluate(
            "document.querySelectorAll('img:not([src^=gallery]), script:not([src^=assets]):not([id])').length"
        )
        == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_several_runs_share_the_page(open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    runs = [
        make_run(name, pictures=1, dataset=dataset) for name, dataset in (("first", "celeba"), ("second", "places2"))
    ]
    page = open_page(form.write(runs, tmp_path))
    pick(page, "#results-tools", "run", "second")
    assert set(facet(page, "dataset")) == {"places2"}
    pick(page, "#chart-tools", "slice", "second · places2")
    pick(page, "#gallery", "run", "second")
    assert page.locator("#wall .pair").count() == 2


@pytest.mark.parametrize("changes", [{"detectors": {}}, {"photos": ()}, {"pictures": 0}])
def test_pages_with_little_on_them_are_quiet_too(
    open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path, changes: dict[str, Any]
) -> None:
    page = open_page(form.write([make_run(**changes)], tmp_path))
    assert page.get_by_role("heading", level=1).is_visible()
