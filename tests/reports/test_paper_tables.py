"""The paper's tables: its figures as printed, what is measured beside them, and why cells are blank."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safebench_reports.paper_tables.adapter import HERE
from safebench_reports.paper_tables.published_vs_measured import comparison

from safebench.commands.reproduce import Measured, Options, Outcome, paper_tables, reproduce, run_suite
from safebench.commands.reproduce_training import Training
from safebench.errors import ConfigError, DataError, SafebenchError, UnknownNameError
from safebench.files import cache_folder
from safebench.models import registry
from safebench.models.training_photos import KEY, metadata_of
from safebench.runs.provenance import seen_photos
from safebench.work.watching import Silent

from .browsing import DESKTOP, PHONE, Open
from .making import MakeRun, model


def test_the_figures_are_the_papers(shared: Path) -> None:
    held = json.loads((HERE / "published.json").read_text())
    paper = json.loads((shared / "paper" / "safepaint_tables.json").read_text())
    assert held["table1"] == {key: paper["table1"][key] for key in ("psnr", "lpips")}
    assert held["table2"] == {key: {"places2": paper["table2"][key]} for key in ("auc", "f1", "acc")}


@pytest.mark.parametrize("table", [f"table{k}" for k in range(1, 7)])
def test_every_table_has_a_suite(table: str) -> None:
    suite = paper_tables().suite(table)
    assert suite.rows
    assert suite.bins
    assert (suite.metrics == ("psnr", "lpips")) == (table == "table1")


@pytest.mark.parametrize("table", ["table5", "table6"])
def test_what_is_trained_for_a_row_is_taken_by_its_model(table: str) -> None:
    for row in paper_tables().suite(table).rows:
        recipe = registry.find("recipes", row.recipe)[0]
        assert recipe.name == registry.find("inpainters", row.model)[0].name
        assert msgspec.convert(row.options, recipe.load_class().Config, strict=False)
        assert not row.own or row.how.startswith(f"safebench train {row.recipe} ")


def test_another_table_is_not_known() -> None:
    with pytest.raises(UnknownNameError, match="the paper has no 'table7'; it has table1, table2"):
        paper_tables().suite("table7")
    with pytest.raises(ConfigError, match="made by: safebench reproduce"):
        paper_tables().write([], Path())
    options = Options(out=Path(), weights={"lamma": "x.pt"})
    with pytest.raises(ConfigError, match=r"--weights lamma=\.\.\.: table1 has no such row"):
        run_suite(paper_tables().suite("table1"), options, Silent())


@pytest.mark.parametrize("written", ["aot-gan:rwsa", "AOT-GAN+rwsa"])
def test_a_row_that_is_written_in_another_way_is_not_left_blank(written: str) -> None:
    with pytest.raises(ConfigError, match=r"table6 has no such row; did you mean aot-gan\+rwsa"):
        run_suite(paper_tables().suite("table6"), Options(out=Path(), weights={written: "x.pt"}), Silent())


def test_a_detector_that_there_is_not_is_told_at_once() -> None:
    with pytest.raises(UnknownNameError, match="no detector is called 'laplacain'"):
        run_suite(paper_tables().suite("table6"), Options(out=Path(), detectors=("laplacain",)), Silent())


@pytest.fixture
def outcome(make_run: MakeRun) -> Outcome:
    """Table 2 with lama measured on Places2, and the rest not."""
    suite = paper_tables().suite("table2")
    run = make_run("table2", inpainters={"lama": model("lama")}, detectors={"pscc-net": model("pscc-net")})
    reasons = {"fcf": "fcf: its weights are not on this machine"}
    return Outcome(
        suite, reasons, {("places2", "lama"): Measured(run, ("lama",))}, ("pscc-net",), suite.rows, ("places2",)
    )  # fmt: skip


def cell(found: Any, label: str, metric: str, hole: str) -> Any:
    [block] = found.blocks
    [line] = [line for line in block.lines if line.label == label]
    return line.cells[block.columns.index((metric, hole))]


def test_measured_stands_beside_published(outcome: Outcome) -> None:
    published = json.loads((HERE / "published.json").read_text())
    found = comparison(outcome, published)
    run, _ = outcome.runs["places2", "lama"]
    auc = run.detection_cells.set_index("bin")["auc"]["30-40"]
    lama = cell(found, "lama", "AUC", "30–40%")
    assert lama.published == "0.7529"
    assert lama.measured.startswith(f"{auc:.4f} [")
    assert lama.difference.replace("−", "-") == f"{auc - 0.7529:+.4f}"
    assert lama.n == 20
    fcf = cell(found, "fcf", "ACC", "10–20%")
    assert (fcf.published, fcf.measured, fcf.difference) == ("0.0598", "", "")
    assert fcf.reason == "fcf: its weights are not on this machine"
    assert math.isnan(fcf.value.value)
    assert cell(found, "lama", "AUC", "50–60%").reason == "not run"


def test_the_page_and_the_files_say_the_same(outcome: Outcome, tmp_path: Path, open_page: Open) -> None:
    page_path, text = paper_tables().compare(outcome, tmp_path)
    assert "0.7529" in text
    assert "Blank: fcf: fcf: its weights are not on this machine" in text
    frame = pd.read_csv(tmp_path / "table.csv")
    assert len(frame) == 7 * 9
    assert pd.api.types.is_float_dtype(frame["published"])
    assert frame["measured"].notna().sum() == 6
    assert "not run" in text
    assert r"\toprule" in (tmp_path / "table.tex").read_text()
    for size, colours in ((DESKTOP, "light"), (PHONE, "dark")):
        page = open_page(page_path, size, colours)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.get_by_text("fcf: its weights are not on this machine").first.is_visible()


def test_where_nothing_was_published_no_heading_says_so(make_run: MakeRun, tmp_path: Path, open_page: Open) -> None:
    suite = paper_tables().suite("table6")
    detector = suite.detectors[0]
    run = make_run("table6", inpainters={"aot-gan": model("aot-gan")}, detectors={detector: model(detector)})
    runs = {("sample", "aot-gan"): Measured(run, ("aot-gan",))}
    outcome = Outcome(suite, {"edgeconnect": "no weights"}, runs, suite.detectors, suite.rows, ("sample",))
    page_path, text = paper_tables().compare(outcome, tmp_path)
    page = open_page(page_path)
    auc = run.detection_cells.set_index("bin")["auc"]["30-40"]
    written = [text, (tmp_path / "table.csv").read_text(), (tmp_path / "table.tex").read_text()]
    for shown in (*written, page.locator("body").inner_text()):
        told = shown.replace("No published figures of this table are at hand", "")
        assert not re.search("(?i)published|difference", told)
        assert str(auc)[:5] in shown
    assert page.get_by_text("no weights").first.is_visible()


def test_trained_networks_are_shown_over_their_trainings(make_run: MakeRun, tmp_path: Path, open_page: Open) -> None:
    suite = paper_tables().suite("table6")
    names = {
        "aot-gan": ("aot-gan seed 1", "aot-gan seed 2"),
        "aot-gan+rwsa": ("aot-gan-rwsa seed 1", "aot-gan-rwsa seed 2"),
    }
    auc = dict(zip((name for pair in names.values() for name in pair), (0.6, 0.7, 0.65, 0.73), strict=True))
    run = make_run(
        "trained",
        inpainters={name: model(name, "network") for pair in names.values() for name in pair},
        detectors={"pscc-net": model("pscc-net")},
        auc=lambda inpainter, detector, hole: auc[inpainter],
    )
    runs = {("sample", label): Measured(run, pair) for label, pair in names.items()}
    outcome = Outcome(
        suite, {"edgeconnect": "no recipe"}, runs, suite.detectors, suite.rows, ("sample",), "Trained here."
    )
    page_path, text = paper_tables().compare(outcome, tmp_path)
    assert "Trained here." in text
    assert "photos and trainings are drawn, each by itself" in " ".join(text.split())
    found = pd.read_csv(tmp_path / "table.csv").query("metric == 'AUC'").set_index("model")
    stored = run.detection_cells.query("bin == '30-40'").set_index("inpainter")["auc"]
    for label, pair in names.items():
        assert found.loc[label, "measured"] == pytest.approx(stored[list(pair)].mean())
        assert list(found.loc[label, ["training_1", "training_2"]]) == pytest.approx(list(stored[list(pair)]))
        assert found.loc[label, "low"] < stored[list(pair)].min() + 0.01
        assert found.loc[label, "high"] > stored[list(pair)].max() - 0.01
        assert found.loc[label, "n"] == 20
    difference = found.loc["aot-gan+rwsa − aot-gan"]
    means = [stored[list(pair)].mean() for pair in names.values()]
    assert difference["measured"] == pytest.approx(means[1] - means[0])
    assert difference["low"] < difference["measured"] < difference["high"]
    page = open_page(page_path)
    assert page.get_by_text("paired difference").first.is_visible()
    assert "each " + " / ".join(f"{stored[name]:.4f}" for name in names["aot-gan"]) in page.locator("body").inner_text()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven photos, and one of them saved anew."""
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for k in range(7):
        image = Image.fromarray(generator.integers(0, 256, (16, 16, 3), np.uint8)).resize(
            (64, 64), Image.Resampling.BOX
        )
        image.save(folder / f"{k}.png")
    image.save(folder / "again.jpg", quality=90)
    return folder


def test_a_table_is_trained_and_measured_in_one_call(tmp_path: Path, photos: Path) -> None:
    suite = paper_tables().suite("table6")
    rows = tuple(row for row in suite.rows if row.recipe == "aot-gan")
    settings = {"width": "4", "perceptual": "squeezenet", "batch_size": "1", "validation_photos": "1"}
    training = Training([], steps=1, seeds=(3, 4), resolution=36, settings=settings, device="cpu")
    options = Options(tmp_path / "out", [str(photos)], size=40, device="cpu", lpips_net="squeeze", train=training)
    outcome = run_suite(replace(suite, rows=rows), options, Silent())
    run, names = outcome.runs[str(photos), "aot-gan+rwsa"]
    assert names == ("aot-gan-rwsa seed 3", "aot-gan-rwsa seed 4")
    assert len({run.record.inpainters[name].weights_sha256 for name in names}) == 2
    assert set(run.quality["inpainter"]) == {*names, "aot-gan seed 3", "aot-gan seed 4"}
    assert (run.quality["error"] == "").all()
    split = pd.read_csv(options.out / "split" / "split.csv")
    sides = {side: set(names) for side, names in split.groupby("side")["photo"]}
    assert set(run.samples["photo_name"]) == sides["held out"]
    assert {side: len(names) for side, names in sides.items()} == {"held out": 2, "learning": 5, "neither": 1}
    assert seen_photos(run.record) == ""
    learned = [metadata_of(path)[KEY] for path in options.out.rglob("*.safetensors")]
    assert {len(listing.splitlines()) for listing in learned} == {4}, "and one validates"
    assert "on photos (those photos that are not measured)" in paper_tables().compare(outcome, tmp_path / "page")[1]


def test_what_cannot_be_trained_is_told_first(tmp_path: Path, photos: Path) -> None:
    suite = paper_tables().suite("table6")
    training = Training([], 1, (1,), 36, {"perceptual": "squeezenet", "width": "4"})
    wrong: list[tuple[dict[str, Any], type[SafebenchError], str]] = [
        ({"weights": {"aot-gan": "x.pth"}}, ConfigError, r"--weights aot-gan=.*--train makes the weights"),
        ({}, DataError, "its pictures are crops of 6 photos, .*--train-images"),
        ({"images": [str(photos), "sample"]}, ConfigError, "several sets are measured; .*--train-images"),
    ]  # fmt: skip
    for changed, error, told in wrong:
        with pytest.raises(error, match=told):
            run_suite(suite, replace(Options(tmp_path / "out", train=training), **changed), Silent())
    for path in sorted(photos.iterdir())[2:]:
        path.unlink()
    with pytest.raises(DataError, match="2 different photos are too few"):
        run_suite(suite, Options(tmp_path / "out", [str(photos)], train=training), Silent())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_out_of_the_box_on_the_built_in_photos(tmp_path: Path) -> None:
    page, text, failures = reproduce("table2", Options(out=tmp_path, limit=1), Silent())
    assert page.is_file()
    assert failures == 0
    assert "Measured on SafeBench's built-in photos, not on the paper's data" in text
    assert "Blank: places2: not on this machine (safebench data prepare places2)" in text
    frame = pd.read_csv(tmp_path / "table.csv")
    measured = frame[frame["measured"].notna()]
    assert {"telea", "navier-stokes"} <= set(measured["model"])
    assert measured[measured["model"] == "telea"]["difference"].isna().all()  # the paper has no such row
    why = frame[frame["model"] == "lama"]["why_blank"]
    assert why.str.startswith("its weights (").any()
    assert set(frame[frame["published"].notna()]["block"]) == {"sample, detector pscc-net"}  # each figure once
    assert "put the file at $SAFEBENCH_CACHE" in text.replace("\n", " ")
    assert "$SAFEBENCH_CACHE/" in page.read_text()
    assert str(cache_folder()) not in page.read_text()
