"""Whole pictures beside spliced ones: what an inpainter's output becomes, made of one call."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest

import safebench
from safebench.errors import ConfigError
from safebench.inputs.images import read_mask, read_photo
from safebench.models import calling
from safebench.work.watching import Silent

OPTIONS: dict[str, Any] = {
    "inpainters": ["telea", "safepaint"],
    "detectors": ["laplacian"],
    "images": "sample",
    "size": 64,
    "limit": 3,
    "bins": "10-20",
    "lpips_net": "squeeze",
}


@pytest.fixture(scope="module")
def spliced(tmp_path_factory) -> safebench.Results:
    return safebench.run(out=tmp_path_factory.mktemp("runs") / "spliced", **OPTIONS)


class Listening(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture(scope="module")
def told() -> Listening:
    return Listening()


@pytest.fixture(scope="module")
def both(tmp_path_factory, told) -> safebench.Results:
    out = tmp_path_factory.mktemp("runs") / "both"
    return safebench.run(out=out, assembly=["spliced", "regenerated"], watcher=told, **OPTIONS)


def rows(table: pd.DataFrame, assembly: str) -> pd.DataFrame:
    return table[table["assembly"] == assembly].reset_index(drop=True)


def test_the_whole_output_is_the_picture(both):
    samples = both.samples.set_index("sample")
    whole = rows(both.quality, "regenerated")
    assert set(whole["inpainter"]) == {"safepaint"}
    photos = np.stack([read_photo(both.folder / samples.loc[name, "original"]) for name in whole["sample"]])
    holes = np.stack([read_mask(both.folder / samples.loc[name, "mask"]) for name in whole["sample"]])
    raw = calling.inpaint(calling.load_inpainter("safepaint", device="cpu"), photos, holes)
    for k, row in enumerate(whole.to_dict("records")):
        made = read_photo(both.folder / row["composite"])
        np.testing.assert_array_equal(made, np.rint(raw[k].astype(np.float64) * 255).astype(np.uint8))
        known = ~holes[k]
        changed = np.abs(made[known].astype(int) - photos[k][known]).max(axis=1) > 2
        assert row["known_changed"] == pytest.approx(changed.mean(), abs=1e-12)
        assert 0 < row["known_changed"] <= 1
    assert (rows(both.quality, "spliced")["known_changed"] == 0).all()


def test_detectors_see_both_and_every_table_has_a_row_for_each(both):
    cells = both.detection_cells[both.detection_cells["bin"] == "all"]
    assert set(zip(cells["inpainter"], cells["assembly"], strict=True)) == {
        ("telea", "spliced"),
        ("safepaint", "spliced"),
        ("safepaint", "regenerated"),
    }
    quality = both.quality_cells[both.quality_cells["bin"] == "all"].set_index(["inpainter", "assembly"])
    assert quality.loc[("safepaint", "regenerated"), "known_changed"] > 0
    assert both.record.inpainters["safepaint"].assemblies == ("spliced", "regenerated")
    assert both.record.inpainters["telea"].assemblies == ("spliced",)


def test_an_inpainter_that_copies_known_pixels_is_left_out_with_a_sentence(both, told):
    assert [note for note in told.notes if "regenerated of telea, whose output outside the hole" in note]
    with pytest.raises(ConfigError, match="means nothing for telea"):
        safebench.run(out=both.folder, **{**OPTIONS, "inpainters": ["telea"], "assembly": ["regenerated"]})


def test_spliced_rows_are_those_of_a_plain_run(both, spliced):
    ours = rows(both.quality, "spliced").drop(columns="known_changed")
    pd.testing.assert_frame_equal(ours, spliced.quality, check_exact=True)
    ours = both.detection[both.detection["assembly"] != "regenerated"].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, spliced.detection, check_exact=True)


def test_whole_pictures_asked_for_later_leave_the_spliced_ones_as_they_are(both, spliced, tmp_path):
    folder = shutil.copytree(spliced.folder, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    later = safebench.run(out=folder, assembly=["spliced", "regenerated"], **OPTIONS)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    pd.testing.assert_frame_equal(later.quality[both.quality.columns], both.quality, check_exact=True)
    pd.testing.assert_frame_equal(later.detection, both.detection, check_exact=True)


def test_a_later_call_without_them_still_shows_what_they_changed(both, tmp_path):
    folder = shutil.copytree(both.folder, tmp_path / "run")
    later = safebench.run(out=folder, **OPTIONS)
    cells = both.quality_cells
    pd.testing.assert_frame_equal(later.quality_cells, cells, check_exact=True)
    assert cells.loc[cells["assembly"] == "regenerated", "known_changed"].gt(0).all()
    assert "known_changed" in {metric.key for metric in later.metrics}
    fresh = safebench.run(out=tmp_path / "run", **{**OPTIONS, "inpainters": ["navier-stokes"]})
    assert not fresh.quality_cells["known_changed"].isna().any()


def test_both_pictures_come_of_one_call(monkeypatch, tmp_path):
    calls = []
    right = calling.inpaint

    def counted(*given):
        calls.append(given)
        return right(*given)

    monkeypatch.setattr(calling, "inpaint", counted)
    options = {**OPTIONS, "inpainters": ["safepaint"], "detectors": [], "batch_size": 2}
    safebench.run(out=tmp_path / "run", assembly=["regenerated", "spliced"], **options)
    assert len(calls) == 2, "three samples in batches of two"
