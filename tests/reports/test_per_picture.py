"""The table of single pictures: its figures are the run's, its links lead into the gallery, names stay text."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safebench_reports._common.words import number
from safebench_reports.html.per_picture import packed

from safebench.results.report_format import ReportFormat

from .browsing import PHONE, Open, choose_all
from .making import FEW, MakeRun
from .nasty import CONDITIONS, NASTY, nasty_run

LOST = {"jpeg:75": {"sharp": 0.1, "blunt": 0.2}}
WHOLE = {"sharp": 0.1, "blunt": 0.2}
ROWS = "[...document.querySelectorAll('#pictures-table tbody tr')]"
CELLS = f"{ROWS}.map((row) => [...row.cells].map((cell) => cell.innerText))"
HEADS = "[...document.querySelectorAll('#pictures-table th')].map((head) => head.innerText.trim())"


def shown(page: Any) -> pd.DataFrame:
    return pd.DataFrame(page.evaluate(CELLS), columns=page.evaluate(HEADS))


def pick(page: Any, name: str, label: str) -> None:
    page.locator(f"#pictures select[data-pick={name}]").select_option(label=label)


def reach(page: Any) -> None:
    page.locator("#pictures").scroll_into_view_if_needed()
    page.wait_for_selector("#pictures.loaded td")


def test_each_picture_has_its_own_figures_and_a_link_into_the_gallery(
    open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    run = make_run(photos=FEW, pictures=2, lost=LOST, whole=WHOLE)
    page = open_page(form.write([run], tmp_path))
    reach(page)
    expect(page.locator("#pictures .dt-info")).to_have_text("1 to 25 of 68 pictures")  # 3 x 2 + 2 controls; 4 originals
    pick(page, "detector", "blunt")
    pick(page, "condition", "jpeg:75")
    pick(page, "assembly", "regenerated")
    pick(page, "inpainter", "beta")  # last, since it alone changes how many there are, for which the next line waits
    expect(page.locator("#pictures .dt-info")).to_have_text("1 to 8 of 8 pictures")
    rows = run.detection.query(
        "inpainter == 'beta' and assembly == 'regenerated' and postprocess == 'jpeg:75' and detector == 'blunt'"
    ).set_index("sample")
    quality = run.quality.query("inpainter == 'beta' and assembly == 'regenerated'").set_index("sample")
    told = {(row["Photo"], row["Hole"]): row for row in shown(page).to_dict("records")}
    for sample, row in rows.iterrows():
        place = FEW[int(str(sample)[5])], f"{row['bin'].replace('-', '–')}%"
        assert told[place]["AUC"] == number(row["auc"])
        assert told[place]["Flagged"] == ("yes" if row["flagged"] else "no")
        assert told[place]["PSNR-hole (dB)"] == number(float(quality["psnr_hole"].to_dict()[sample]), 2)
    head = page.locator("#pictures-table th", has_text="AUC")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    values = [float(value) for value in shown(page)["AUC"]]
    assert values == sorted(values)
    page.locator("#pictures [data-search]").fill("TWO")
    expect(page.locator("#pictures-table tbody tr")).to_have_count(2)
    page.locator("#pictures-table a", has_text="two.png").last.focus()
    hole = shown(page)["Hole"].iloc[-1]
    page.keyboard.press("Enter")
    chosen = {
        name: page.locator(f"#gallery select[data-pick={name}]").evaluate("(s) => s.selectedOptions[0].textContent")
        for name in ("photo", "sample", "inpainter", "assembly", "condition")
    }
    assert chosen == {
        "photo": "two.png", "sample": hole, "inpainter": "beta", "assembly": "regenerated", "condition": "jpeg:75",
    }  # fmt: skip
    assert page.evaluate("document.activeElement.id") == "wall"
    page.locator("#pictures [data-search]").fill("three")
    assert page.locator("#pictures-table a").count() == 0  # not in the gallery
    page.reload()
    assert page.locator("#gallery select[data-pick=inpainter]").evaluate("(s) => s.selectedOptions[0].text") == "beta"


def test_markup_in_names_stays_text_and_the_phone_sees_the_auc(
    open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    page = open_page(form.write([nasty_run(make_run, pictures=3, **CONDITIONS)], tmp_path), PHONE)
    reach(page)
    assert choose_all(page, "#pictures") > 10
    assert NASTY[0] in set(shown(page)["Photo"])
    assert any(name.startswith(NASTY[1].partition("/")[0]) for name in shown(page)["Inpainter"])
    page.locator("#pictures-table a").first.click()
    assert page.evaluate("window.pwned") is None
    assert page.locator("#pictures-table :is(img, script)").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    for script in (tmp_path / "pictures").iterdir():
        assert re.fullmatch(rb"SafeBenchPictures\.take\(\d+,\{[^<]*\}\);\n", script.read_bytes())


def test_a_run_without_detectors_shows_quality_and_old_files_go(
    open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    form.write([make_run(photos=FEW)], tmp_path)
    (tmp_path / "pictures" / "mine.js").write_text("of somebody else")
    page = open_page(form.write([make_run(photos=FEW, detectors={}, pictures=1)], tmp_path))
    reach(page)
    assert page.evaluate(HEADS) == ["Photo", "Hole", "Inpainter", "LPIPS (squeeze)", "PSNR-hole (dB)"]
    pick(page, "inpainter", "copy")
    assert {cell[-1] for cell in page.evaluate(CELLS)} == {"∞"}
    assert {path.name.split(".")[0] for path in (tmp_path / "pictures").iterdir()} == {"mine", "pictures"}


@pytest.mark.slow
def test_ten_thousand_samples_are_few_bytes_and_few_rows(
    open_page: Open, make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    """35,000 pictures: the page holds none of them until its reader gets there, and then 25 at a time."""
    from playwright.sync_api import expect

    run = make_run(photos=FEW, inpainters={name: {"family": "network", "identity": f"id-{name}"} for name in "abc"})
    samples = _repeated(run.samples, 1250, ["sample", "photo", "key", "photo_key", "photo_name"])
    run.samples = samples
    run.quality = _repeated(run.quality, 1250, ["sample", "photo", "key", "sample_key"])
    run.detection = _repeated(run.detection, 1250, ["sample", "photo", "key", "sample_key"])
    path = form.write([run], tmp_path)
    assert len(samples) == 10_000
    assert path.stat().st_size < 300_000
    assert sum(file.stat().st_size for file in (tmp_path / "pictures").iterdir()) < 2_000_000
    page = open_page(path)
    assert page.locator("#pictures td").count() == 0
    reach(page)
    assert page.locator("#pictures .dt-info").inner_text() == "1 to 25 of 35,000 pictures"
    assert page.locator("#pictures-table tbody tr").count() == 25
    head = page.locator("#pictures-table th", has_text="AUC")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    least = run.detection.loc[run.detection["detector"] == "sharp", "auc"].min()
    assert shown(page)["AUC"].iloc[0] == number(float(least))


def _repeated(rows: pd.DataFrame, times: int, names: list[str]) -> pd.DataFrame:
    """The same rows again and again, each time under other names."""
    again = pd.concat([rows] * times, ignore_index=True)
    mark = np.repeat(np.arange(times), len(rows)).astype(str)
    return again.assign(**{name: again[name].astype(str) + "-" + mark for name in names})


@pytest.mark.parametrize(
    ("values", "kind"), [([0.1234, math.nan, -0.5, math.inf], "whole"), ([99.0, math.nan], "floats")]
)
def test_columns_are_packed_without_loss_of_what_is_shown(values: list[float], kind: str) -> None:
    column = json.loads(json.dumps(packed(np.array(values), 3)))
    held = np.frombuffer(base64.b64decode(column[kind]), "<i2" if kind == "whole" else "<f4").astype(float)
    if kind == "whole":
        held = np.select([held == -32768, held == 32767], [math.nan, math.inf], held / 1000)
    assert [number(value) for value in held] == [number(value) for value in values]
