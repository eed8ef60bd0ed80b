"""A run's results in Python: tables without control rows, what was run, and two models compared."""

from __future__ import annotations

import html
import re

import pandas as pd
import pytest
from safebench_reports._common.export import tables_of
from safebench_reports._common.standings import Standings
from safebench_reports.leaderboard.head_to_head import duels, frame

import safebench
from safebench.errors import ConfigError, FileError, UnknownNameError
from safebench.results.results import Results as StoredResults

from ...reports.making import FEW, Maker, model

NASTY = '<img src=x onerror=alert(1)>"&$x^2$'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    Maker(folder, lost={"jpeg:75": {"sharp": 0.1, "blunt": 0.0}}, whole={"sharp": 0.2, "blunt": 0.1}).write()
    return safebench.open_run(folder)


def test_detection_holds_no_untouched_photo_and_originals_nothing_else(run):
    stored = run.stored.detection
    assert isinstance(run, safebench.Results)
    assert "original" not in set(run.detection["inpainter"])
    assert len(run.detection) + len(run.originals) == len(stored)
    assert len(run.originals) == 20 * 2 * 2  # photos, detectors, conditions
    assert {"score", "flagged", "photo_name", "postprocess", "detector"} <= set(run.originals)
    assert not {"inpainter", "assembly", "bin", "auc", "f1"} & set(run.originals)
    assert run.originals["score"].mean() == pytest.approx(0.2)
    alarms = run.false_alarms.set_index(["postprocess", "detector"])["n"]
    assert (run.originals.groupby(["postprocess", "detector"]).size() == alarms).all()


def test_tables_name_the_photos_files_and_the_controls(run):
    for table in (run.quality, run.detection, run.originals):
        named = table[["photo", "photo_name"]].drop_duplicates().set_index("photo")["photo_name"]
        assert named["photo0"] == "one.png"
        assert len(named) == 20
        assert table.index.tolist() == list(range(len(table)))
    for table in (run.quality, run.detection):
        assert set(table.loc[table["control"], "inpainter"]) == {"copy", "noise"}
        assert set(table.loc[~table["control"], "inpainter"]) == {"alpha", "beta", "gamma"}
    assert run.quality.columns[:6].tolist() == ["dataset", "photo_name", "photo", "bin", "sample", "inpainter"]


def test_no_column_and_no_figure_of_what_is_stored_is_lost(run):
    for table, stored in ((run.quality, run.stored.quality), (run.detection, run.stored.detection)):
        assert {*stored.columns} <= {*table.columns}
        same = table.set_index("key").loc[:, stored.columns.drop("key")]
        expected = stored.set_index("key").loc[same.index]
        pd.testing.assert_frame_equal(same, expected, check_exact=True)


def test_what_was_run_is_shown_and_no_name_is_markup(tmp_path):
    Maker(tmp_path / "run", inpainters={NASTY: model("x")}, detectors={"sharp": model("sharp")}, photos=FEW).write()
    run = safebench.open_run(tmp_path / "run")
    shown = run._repr_html_()
    assert set(re.findall(r"</?(\w+)", shown)) == {"table", "caption", "tbody", "tr", "th", "td", "p"}
    assert html.escape(NASTY) in shown
    assert shown.count("mathjax_ignore") == 2, "a notebook would set $x^2$ as a formula"
    assert re.search(rf"^inpainters +{re.escape(NASTY)}$", repr(run), re.MULTILINE)
    assert re.search(r"^samples +8 samples of 4 photos$", repr(run), re.MULTILINE)


def test_inpainters_compared_are_told_before_each_detector_and_in_quality(run):
    found = run.compare("alpha", "beta")
    quality = found[found["detector"] == ""]
    assert set(quality["metric"]) == {"ssim", "psnr_hole", "lpips"}
    assert set(found["detector"]) == {"", "sharp", "blunt"}
    assert set(found["assembly"]) == {"spliced", "regenerated"}
    auc = found.query("metric == 'auc' and postprocess == 'none' and assembly == 'spliced' and bin == 'all'")
    [sharp] = auc[auc["detector"] == "sharp"].to_dict("records")
    assert (sharp["n"], sharp["photos"], sharp["left_out"], sharp["inverted"]) == (40, 20, 0, False)
    assert sharp["difference"] == pytest.approx(sharp["mean_a"] - sharp["mean_b"])
    assert sharp["low"] < sharp["difference"] < sharp["high"] < 0
    assert sharp["p"] == 1e-4


def test_detectors_compared_meet_on_the_images_of_all_that_both_saw(run):
    found = run.compare("sharp", "blunt", "auc").query("postprocess == 'none' and bin == 'all'")
    assert found.columns[:5].tolist() == ["metric", "dataset", "assembly", "postprocess", "inpainter"]
    spliced = found[found["assembly"] == "spliced"].set_index("inpainter")
    assert list(spliced.index) == ["all together", "alpha", "beta", "copy", "gamma", "noise"]
    assert spliced["n"]["all together"] == 3 * 40, "no control is among them"
    parts = spliced.loc[["alpha", "beta", "gamma"], "difference"]
    assert spliced["difference"]["all together"] == pytest.approx(parts.mean())
    assert spliced.index[spliced["inverted"]].tolist() == ["gamma"]


def test_the_figures_are_those_of_the_leaderboards_head_to_head(run):
    tables = tables_of([run.stored])
    pairs = frame(duels(tables, [Standings(merged) for _, merged in tables]))
    names = {"detector": "inpainter", "inpainter": "detector"}
    for (view, a, b), rows in pairs.groupby(["view", "a", "b"]):
        if view == "inpainter" and a != "alpha":  # one with a network, one without, and both controls are enough
            continue
        key = ["metric", "dataset", "assembly", "postprocess", names[view], "bin"]
        shown = rows.rename(columns={"against": names[view]}).set_index(key)
        found = run.compare(a, b).set_index(key)
        assert set(found.index) == set(shown.index)
        columns = ["n", "photos", "difference", "low", "high", "p", "smallest_p", "inverted"]
        same = found.loc[shown.index, columns].astype(float)
        pd.testing.assert_frame_equal(same, shown[columns].astype(float), rtol=1e-9, atol=1e-12, check_dtype=False)


@pytest.mark.parametrize(
    ("a", "b", "metric", "error", "says"),
    [
        ("alpha", "alpha", None, ConfigError, "'alpha' is compared with itself"),
        ("alpha", "sharp", None, ConfigError, "an inpainter and a detector"),
        ("alpha", "betta", None, UnknownNameError, "no model of this run is called 'betta'; did you mean beta"),
        ("alpha", "zzz", None, UnknownNameError, "there are alpha, beta, gamma, copy, noise, sharp, blunt"),
        ("alpha", "beta", "image_auc", ConfigError, "'image_auc' is no metric that inpainters are compared by"),
        ("sharp", "blunt", "psnr", ConfigError, "'psnr' is no metric that detectors are compared by"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(run, a, b, metric, error, says):
    with pytest.raises(error, match=says):
        run.compare(a, b, metric)


def test_two_without_a_common_image_are_told(tmp_path):
    Maker(tmp_path / "run", errors={("alpha", ""): "out of memory"}, photos=FEW).write()
    with pytest.raises(ConfigError, match="no image in this run of which both have a figure"):
        safebench.open_run(tmp_path / "run").compare("alpha", "beta", "psnr")


def test_the_stored_results_stay_as_they_were(run):
    assert isinstance(run.stored, StoredResults)
    assert "original" in set(run.stored.detection["inpainter"])
    assert "photo_name" not in run.stored.detection


def test_the_papers_table_is_given_as_text_and_written_to_a_file(run, tmp_path):
    text = run.to_latex(tmp_path / "t.tex", metrics=["auc", "f1"])
    assert (tmp_path / "t.tex").read_text() == text
    assert text.count(r"\begin{table}") == 2
    assert run.to_latex(metrics="f1").count(r"\begin{table}") == 1
    with pytest.raises(UnknownNameError, match="'acc' is no metric of these inpainters"):
        run.to_latex(metrics="acc")
    with pytest.raises(FileError, match=r"t\.tex"):
        run.to_latex(tmp_path / "t.tex" / "no-such")
