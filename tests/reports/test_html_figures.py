"""What the HTML report says, without a browser: its figures and its sentences."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from safebench_reports._common.cells import places
from safebench_reports._common.provenance import told_value
from safebench_reports._common.words import Figure, listed, number, percent, told

from safebench.results.report_format import ReportFormat
from safebench.results.results import Results
from safebench.runs.record import ModelRecord, RunRecord

from .making import FEW, MakeRun, usual_inpainters
from .reading import Page


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Results:
    return make_run("demo", pictures=1)


@pytest.fixture(scope="module")
def page(form: ReportFormat, run: Results, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(form.write([run], tmp_path_factory.mktemp("report")))


def test_every_cell_of_the_tables_is_on_the_page_with_its_interval(page: Page, run: Results) -> None:
    for _, cell in run.detection_cells.iterrows():
        shown = page.cells("results", **{key: cell[key] for key in ("inpainter", "detector", "bin")})
        for metric in ("auc", "f1", "f1_best", "iou", "mcc", "detection_rate", "image_auc"):
            assert shown[metric].startswith(number(cell[metric])), metric
            assert shown[metric].endswith(f"[{number(cell[f'{metric}_low'])}, {number(cell[f'{metric}_high'])}]")
        assert shown["n"] == str(cell["n"])
    for _, cell in run.quality_cells.iterrows():
        shown = page.cells("quality", inpainter=cell["inpainter"], bin=cell["bin"])
        beside = page.cells("results", inpainter=cell["inpainter"], bin=cell["bin"], detector="sharp")
        for metric, digits in (("ssim", 3), ("lpips", 3), ("psnr_hole", 2), ("l1", 4)):
            if not math.isnan(cell[metric]):
                assert shown[metric].startswith(number(cell[metric], digits))
            assert beside[metric] == shown[metric]
    assert len(page.rows["results-table"]) == len(run.detection_cells)


def test_names_of_the_paper_and_of_oracles_are_told(page: Page) -> None:
    assert "ACC (detection rate)" in page.text
    assert "F1-best (oracle)" in page.text
    assert "LPIPS (squeeze)" in page.text


def test_identical_composites_are_counted_and_not_averaged(page: Page) -> None:
    assert page.cells("quality", inpainter="copy", bin="all")["psnr"] == "∞ all 40 identical"


def test_the_false_alarms_of_originals_have_their_table(page: Page, run: Results) -> None:
    for _, cell in run.false_alarms.iterrows():
        shown = page.cells("false-alarms", detector=cell["detector"])
        assert shown["false_alarm_rate"].startswith(number(cell["false_alarm_rate"]))
        assert shown["threshold_at_5"] == number(cell["threshold_at_5"])


def test_an_inverted_auc_is_marked_and_never_called_best(page: Page, run: Results) -> None:
    inverted = run.detection_cells[run.detection_cells["inverted"]]
    assert set(zip(inverted["inpainter"], inverted["detector"], strict=True)) == {("gamma", "sharp")}
    assert "inverted" in page.cells("results", inpainter="gamma", detector="sharp", bin="all")["auc"]
    assert "inverted" not in page.cells("results", inpainter="alpha", detector="sharp", bin="all")["auc"]
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="sharp", bin="all") == {"alpha": "1"}
    assert page.best("results", "auc", "detector", of="inpainter", inpainter="gamma", bin="all") == {}


def test_the_best_depend_on_who_reads_and_controls_do_not_compete(page: Page) -> None:
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="blunt", bin="all") == {
        "alpha": "1",
        "gamma": "2",
    }
    assert page.best("results", "auc", "detector", of="detector", inpainter="beta", bin="all") == {"blunt": "1"}
    assert page.best("quality", "psnr", "inpainter", of="inpainter", bin="all") == {"beta": "1", "gamma": "2"}


def test_the_findings_name_the_answer(page: Page, run: Results) -> None:
    cells = run.detection_cells.query("bin == 'all'").set_index(["inpainter", "detector"])
    auc, image = (
        told(Figure(*cells.loc[("alpha", "blunt"), [m, f"{m}_low", f"{m}_high"]])) for m in ("auc", "image_auc")
    )
    assert (
        f"Least detectable: alpha. The most that is found of it: pixel AUC {auc} by blunt, image AUC {image}"
        in page.text
    )
    assert "over 40 images. Next is gamma with pixel AUC" in page.text
    assert "on the same images the pixel AUC of blunt differs by 0.0" in page.text
    assert "no better than chance" not in page.text
    assert "Most readily found: beta" in page.text
    assert "By pixel AUC the strongest detector is blunt for 3 of 3 ranked inpainters." in page.text
    assert re.search(r"Controls hold: copy at AUC 0\.\d\d( to 0\.\d\d)? and noise at AUC 0\.9\d", page.text)
    assert "Inverted, AUC clearly below 0.5: sharp on gamma (0.2" in page.text
    assert "Nothing failed." in page.text


def test_an_order_that_chance_may_have_made_is_told_as_such(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    assert "their order is not settled here" in Page(form.write([make_run(auc=lambda *_: 0.7)], tmp_path)).text


def test_few_photos_are_too_few_to_name_or_mark_anyone(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(photos=FEW)], tmp_path))
    assert "Too few to say which inpainter is least detectable: 4 photos, and ranking or naming takes 20." in page.text
    for claim in ("Least detectable", "Most readily found", "Closest to the original", "strongest detector is"):
        assert claim not in page.text
    assert "What is found most on these photos, in the run's order: alpha: pixel AUC 0.6" in page.text
    for metric in ("auc", "f1", "detection_rate", "psnr_hole"):
        for view in ("inpainter", "detector"):
            assert page.best("results", metric, view, of="inpainter", bin="all") == {}
    assert page.best("quality", "psnr", "inpainter", of="inpainter", bin="all") == {}
    assert "sharp 0% [0%, 60%]" in page.text
    assert "4 originals are too few to say that false alarms are rare." in page.text


def test_who_failed_on_images_takes_no_mark(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(errors={("alpha", "blunt"): "out of memory"})], tmp_path))
    assert "Not compared, since the others saw more: alpha (40 of 40 images failed before blunt)." in page.text
    assert "Least detectable: gamma" in page.text
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="sharp", bin="all") == {"alpha": "1"}
    assert "alpha" not in page.best("results", "auc", "inpainter", of="inpainter", detector="blunt", bin="all")


def test_a_control_whose_interval_decides_nothing_is_not_judged(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    wide = np.random.default_rng(0)
    page = Page(form.write([make_run(photos=FEW, auc=lambda *_: wide.choice([0.1, 0.9]))], tmp_path))
    assert "Too few photos to say whether these controls hold: " in page.text
    assert "does not hold" not in page.text
    assert any("too few to say" in cell for row in page.rows["controls-table"] for cell in row.cells)


def test_an_inpainter_hides_best_at_chance_not_below(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    aucs = {"alpha": 0.3, "beta": 0.6, "gamma": 0.55}
    page = Page(form.write([make_run(auc=lambda inpainter, *_: aucs.get(inpainter, 0.5))], tmp_path))
    assert "Least detectable: gamma" in page.text
    assert "Most readily found: alpha" in page.text
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="blunt", bin="all") == {
        "gamma": "1",
        "beta": "2",
    }
    aucs |= {"alpha": 0.44, "beta": 0.7, "gamma": 0.6}  # alpha is inverted: nearest to chance, yet not called best
    page = Page(form.write([make_run(auc=lambda inpainter, *_: aucs.get(inpainter, 0.5))], tmp_path))
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="blunt", bin="all") == {"gamma": "2"}
    assert page.best("results", "f1", "inpainter", of="inpainter", detector="blunt", bin="all") == {"gamma": "1"}


def test_a_control_that_does_not_hold_is_told_first_and_last(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    page = Page(form.write([make_run(auc=lambda *_: 0.7)], tmp_path))
    assert "Controls that do not hold: sharp on copy" in page.text
    assert "✗ does not hold" in page.text
    assert "✓ holds" in page.text  # noise is found


def test_without_controls_the_page_asks_for_them(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    few = {name: model for name, model in usual_inpainters().items() if model["family"] != "control"}
    assert "No control was run" in Page(form.write([make_run(inpainters=few)], tmp_path)).text


def test_cells_that_lack_samples_compete_with_none(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(info={"photos": {"note": "Crops of one photo."}})
    for name in ("quality", "detection"):
        rows = getattr(run, name)
        lacking = (rows["inpainter"] == "alpha") & (rows["sample"] == "photo0.10-20")
        setattr(run, name, rows[~lacking].reset_index(drop=True))
    page = Page(form.write([run], tmp_path))
    assert page.cells("quality", inpainter="alpha", bin="all")["n"] == "39 1 missing"
    assert page.cells("results", inpainter="alpha", detector="sharp", bin="30-40")["n"] == "20"
    assert "Not compared, since the others saw more: alpha (1 of 40 images missing before blunt)" in page.text
    assert "Least detectable: gamma" in page.text
    assert "alpha" not in page.best("results", "auc", "inpainter", of="inpainter", detector="blunt", bin="all")
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="blunt", bin="30-40")["alpha"] == "1"
    assert "On the photos: Crops of one photo." in page.text


def test_lpips_is_absent_where_it_was_not_measured(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(lpips=math.nan, info={"lpips_note": "no backbone was found"})], tmp_path))
    assert "lpips" not in page.heads["quality-table"]
    assert "LPIPS is absent: no backbone was found." in page.text


def test_a_run_without_detectors_reports_quality_alone(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(detectors={}, pictures=1)], tmp_path))
    assert "No detector looked at these composites" in page.text
    assert "results-table" not in page.rows
    assert page.rows["quality-table"]
    assert page.data["chart-data"]["detection"] == []
    assert len(page.data["gallery-data"][0]["photos"]) == 1


def test_a_run_in_which_all_failed_says_so(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run()
    errors = {
        (name, other): f"{name} is out of memory" for name in run.record.inpainters for other in ("", "sharp", "blunt")
    }
    page = Page(form.write([make_run(errors=errors, pictures=1)], tmp_path))
    assert "No inpainter can be ranked: alpha (40 of 40 images failed)" in page.text
    assert "alpha is out of memory" in page.text
    assert page.cells("quality", inpainter="alpha", bin="all")["n"] == "0"
    assert page.cells("quality", inpainter="alpha", bin="all")["failures"] == "40"


def test_a_run_without_rows_still_makes_a_page(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(photos=(), info={"status": "started", "finished": None})], tmp_path))
    assert "This run holds no figures." in page.text
    assert "This run is not finished (status: started)" in page.text


def test_failures_name_step_file_and_sentence(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    page = Page(form.write([make_run(errors={("alpha", "blunt"): "blunt ran out of memory at 32 x 32"})], tmp_path))
    rows = [row.cells for row in page.rows["failures-table-1"]]
    assert len(rows) == 40
    assert [cell.split() for cell in rows[0][:4]] == [["detect"], ["one.png", "10-20"], ["alpha"], ["blunt"]]
    assert rows[0][4] == "blunt ran out of memory at 32 x 32"
    assert "40 failures; what failed is in no mean." in page.text


def test_several_runs_stand_beside_one_another(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    first = make_run("same", pictures=1)
    second = make_run("same", auc=lambda *_: 0.8, dataset="places2", pictures=1)
    page = Page(form.write([first, second], tmp_path))
    for label, run in (("same (1)", first), ("same (2)", second)):
        cells = run.detection_cells.query("bin == 'all'").set_index(["inpainter", "detector"])
        shown = page.cells("results", run=label, inpainter="alpha", detector="sharp", bin="all")
        assert shown["auc"].startswith(number(cells["auc"]["alpha", "sharp"]))
    assert page.data["chart-data"]["slices"] == ["same (1) · sample", "same (2) · places2"]
    assert [shelf["run"] for shelf in page.data["gallery-data"]] == ["same (1)", "same (2)"]
    assert page.best("results", "auc", "inpainter", of="inpainter", detector="sharp", bin="all", run="same (1)") == {
        "alpha": "1"
    }


def test_post_processes_are_told_apart(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(pictures=1)
    again = run.detection.assign(postprocess="jpeg-75", auc=run.detection["auc"] / 2 + 0.25)
    run.detection = pd.concat([run.detection, again], ignore_index=True)
    page = Page(form.write([run], tmp_path))
    facets = {"inpainter": "beta", "detector": "blunt", "bin": "all"}
    plain, jpeg = (page.cells("results", postprocess=name, **facets)["auc"] for name in ("none", "jpeg-75"))
    assert float(jpeg.split()[0]) == pytest.approx(float(plain.split()[0]) / 2 + 0.25, abs=0.001)
    assert page.data["chart-data"]["slices"] == ["none", "jpeg-75"]
    detections = page.data["gallery-data"][0]["photos"][0]["samples"][0]["composites"][0]["detections"]
    told = {(found["detector"], found["condition"]) for found in detections}
    assert told == {(name, condition) for name in ("sharp", "blunt") for condition in ("none", "jpeg-75")}


def test_all_that_run_json_says_is_on_the_page(page: Page, run: Results) -> None:
    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            # what is repeatable needs no line
            shown = [item for key, item in value.items() if (key, item) != ("repeatable", True)]
            return [leaf for item in shown for leaf in leaves(item)]
        return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list | tuple) else [value]

    links = {values.get("href") for _, values in page.elements}
    for leaf in leaves(msgspec.to_builtins(run.record)):
        assert told_value(leaf) in page.text or leaf in links, leaf


def test_the_time_told_is_the_whole_runs_and_not_the_last_calls(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    calls: list[dict[str, Any]] = [
        {"started": "2026-11-20T08:00:00+00:00", "finished": "2026-11-20T09:01:00+00:00", "versions": {"torch": "2.8"}},
        {"started": "2026-11-20T09:30:00+00:00", "device": "cuda:0 (old)"},
        {"started": "2026-11-20T10:00:00+00:00", "finished": "2026-11-20T10:04:30+00:00"},
    ]
    page = Page(form.write([make_run(info={"schema": 2, "calls": calls})], tmp_path))
    assert "1 h 5 min in 3 calls, 1 of them cut short and not counted" in page.text
    assert "2.9.0 (in earlier calls 2.8)" in page.text
    assert "cuda:0 (old)" in page.text


def test_a_run_json_that_says_little_is_no_reason_to_fail(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    run = make_run()
    little: Any = {
        kind: {name: ModelRecord(identity=model.identity) for name, model in run.record.models(kind).items()}
        for kind in ("inpainters", "detectors")
    }
    run.record = RunRecord(lpips_net="squeeze", **little)
    page = Page(form.write([run], tmp_path))
    assert "protocol unknown" in page.text
    assert page.cells("results", inpainter="alpha", detector="sharp", bin="all")


def test_places() -> None:
    groups = ["a", "a", "a", "b", "b", "c"]
    assert places([3.0, 1.0, 2.0, 5.0, 4.0, 1.0], groups, lowest=True) == [0, 1, 2, 0, 1, 0]
    assert places([3.0, 1.0, 2.0, 5.0, 4.0, 1.0], groups, lowest=False) == [1, 0, 2, 1, 0, 0]
    assert places([1.0, 1.0, 2.0, None, 4.0, 1.0], groups, lowest=True) == [1, 1, 0, 0, 0, 0]
    assert places([1.0, 2.0, 2.0], ["a"] * 3, lowest=True) == [1, 0, 0]
    assert places([2.0, 2.0], ["a"] * 2, lowest=True) == [0, 0]


def test_figures_as_people_read_them() -> None:
    assert [number(x) for x in (0.1234, -0.5, -0.0001, math.nan, math.inf)] == ["0.123", "−0.500", "0.000", "–", "∞"]
    assert told(Figure(17.904, 16.2, 19.55), 2, "dB") == "17.90 dB [16.20, 19.55]"
    assert told(Figure(0.5)) == "0.500"
    assert percent(Figure(0.12, 0.05, 0.21)) == "12% [5%, 21%]"
    assert percent(Figure(1.0)) == "100%"
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
