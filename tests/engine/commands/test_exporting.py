"""Pictures go out, answers come back by `files:`: what is measured, what is missing, and what a changed file does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import safebench
from safebench.errors import ConfigError, ExchangeError, WeightsError
from safebench.exchange.folder import ExportedFolder
from safebench.inputs.images import read_mask, read_photo, save_png
from safebench.models import calling
from safebench.work.watching import Silent

OPTIONS: dict[str, Any] = {"images": "sample", "size": 64, "limit": 2, "bins": "20-30", "lpips_net": "squeeze"}


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, sentence: str) -> None:
        self.said.append(sentence)


@pytest.fixture(scope="module")
def telea(tmp_path_factory):
    """A run of an inpainter here, whose pictures the tests below send through files."""
    return safebench.run(inpainters=["telea"], detectors=["laplacian"], out=tmp_path_factory.mktemp("t"), **OPTIONS)


def filled_by(run: Any, folder: ExportedFolder) -> None:
    """Put the run's composites into an export."""
    composites = dict(zip(run.quality["sample"], run.quality["composite"], strict=True))
    for picture in folder:
        name = next(sample for sample in composites if picture.name.startswith(f"{sample}-"))
        folder.put(picture.name, read_photo(run.folder / composites[name]))


def test_the_same_pictures_through_files_give_the_same_figures(tmp_path, telea):
    out = safebench.export(OPTIONS, tmp_path / "x")
    assert out.missing() == [picture.name for picture in out]
    for picture in out:
        assert picture.image.shape == (64, 64, 3)
        assert not picture.image[picture.mask].any()
    filled_by(telea, out)
    run = safebench.run(inpainters=["mine=files:" + str(out.folder)], out=tmp_path / "r", **OPTIONS)
    assert set(run.quality["inpainter"]) == {"mine"}
    for column in ("psnr", "ssim", "l1", "lpips"):
        np.testing.assert_array_equal(run.quality[column], telea.quality[column])
    assert run.record.inpainters["mine"].name == "files"


def test_maps_and_scores_through_files_are_measured_as_they_are(tmp_path, telea):
    folder = tmp_path / "run"
    shutil.copytree(telea.folder, folder)
    out = safebench.export(folder, tmp_path / "x")
    assert len(out) == 4, "two photos, two composites"
    rng = np.random.default_rng(0)
    maps = {picture.name: rng.random((64, 64)).astype(np.float32) for picture in out}
    for k, (name, values) in enumerate(maps.items()):
        out.put(name, values, k / 8)
    run = safebench.run(inpainters=["telea"], detectors=[f"mine=files:{out.folder}"], out=folder, **OPTIONS)
    rows = run.detection[(run.detection["detector"] == "mine") & (run.detection["inpainter"] == "telea")]
    assert len(rows) == 2
    for row in rows.to_dict("records"):
        name = next(name for name in maps if name.startswith(row["sample"] + "-"))
        hole = read_mask(folder / run.samples.set_index("sample").loc[row["sample"], "mask"])
        assert row["auc"] == pytest.approx(roc_auc_score(hole.ravel(), maps[name].ravel()), abs=1e-9)
        assert row["score"] == list(maps).index(name) / 8


def test_what_is_missing_fails_with_its_reason_and_is_picked_up_later(tmp_path, telea):
    out = safebench.export(OPTIONS, tmp_path / "x")
    filled_by(telea, out)
    _, second = (out.answers / f"{picture.name}.png" for picture in out)
    second.rename(tmp_path / "later.png")
    options = {"inpainters": [f"mine=files:{out.folder}"], "detectors": ["laplacian"], "out": tmp_path / "r", **OPTIONS}
    run = safebench.run(**options)
    assert [bool(error) for error in run.quality["error"]] == [False, True]
    assert "no answer of that name has come back yet" in run.quality["error"][1]
    looked = {p: p.stat().st_mtime_ns for p in (run.folder / "maps").rglob("*.png")}
    (tmp_path / "later.png").rename(second)
    again = safebench.run(**options)
    assert not len(again.failures)
    assert {p: p.stat().st_mtime_ns for p in looked} == looked, "what was there is not looked at again"
    assert (len(again.detection), len(again.originals)) == (2, 2)


def test_old_results_never_stand_for_a_file_that_changed(tmp_path, telea):
    out = safebench.export(OPTIONS, tmp_path / "x")
    filled_by(telea, out)
    options = {"inpainters": [f"mine=files:{out.folder}"], "detectors": ["laplacian"], "out": tmp_path / "r", **OPTIONS}
    before = safebench.run(**options)
    picture = next(iter(out))
    good = read_photo(out.answers / f"{picture.name}.png")
    out.put(picture.name, np.where(picture.mask[..., None], np.uint8(255), good))
    worse = safebench.run(**options)
    assert worse.quality["psnr"][0] < before.quality["psnr"][0]
    assert worse.quality["psnr"][1] == before.quality["psnr"][1]
    assert worse.detection["auc"][0] != before.detection["auc"][0]
    assert len(worse.detection) == len(before.detection)
    out.put(picture.name, good)
    back = safebench.run(**options)
    np.testing.assert_array_equal(back.quality["psnr"], before.quality["psnr"])
    np.testing.assert_array_equal(back.detection["auc"], before.detection["auc"])


def test_answers_that_do_not_fit_are_failed_rows_that_name_the_file(tmp_path, telea):
    out = safebench.export(OPTIONS, tmp_path / "x")
    small, unfilled = out
    save_png(out.answers / f"{small.name}.png", np.full((32, 32, 3), 9, np.uint8))
    save_png(out.answers / f"{unfilled.name}.png", unfilled.image)
    run = safebench.run(inpainters=[f"files:{out.folder}"], out=tmp_path / "r", **OPTIONS)
    assert "has 32x32 pixels, and its picture 64x64" in run.quality["error"][0]
    assert "its hole was not filled" in run.quality["error"][1]


def test_how_much_of_the_known_area_changed_is_said(tmp_path, telea):
    out = safebench.export(OPTIONS, tmp_path / "x")
    for picture in out:
        out.put(picture.name, np.full((64, 64, 3), 255, np.uint8))
    notes = Notes()
    run = safebench.run(inpainters=[f"mine=files:{out.folder}"], out=tmp_path / "r", watcher=notes, **OPTIONS)
    assert not len(run.failures)
    [said] = [sentence for sentence in notes.said if sentence.startswith("mine: changed")]
    assert "100.0% of the known pixels" in said or "99." in said


def test_masks_of_the_other_polarity(tmp_path):
    white, black = (safebench.export(OPTIONS, tmp_path / hole, hole=hole) for hole in ("white", "black"))
    for one, other in zip(white, black, strict=True):
        assert one.mask_file
        assert other.mask_file
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_array_equal(read_photo(one.mask_file), 255 - read_photo(other.mask_file))


def test_an_export_keeps_to_its_own_folder_and_kind(tmp_path, telea):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(ExchangeError, match=r"thesis\.tex"):
        safebench.export(OPTIONS, tmp_path / "full")
    with pytest.raises(ConfigError, match="is no run's folder"):
        safebench.export(OPTIONS, tmp_path / "x", kind="detectors")
    out = safebench.export(telea.folder, tmp_path / "x", kind="inpainters")
    assert {picture.name for picture in out} == {p.name for p in safebench.export(OPTIONS, tmp_path / "y")}
    with pytest.raises(ExchangeError, match="exported for inpainters, not for detectors"):
        safebench.run(inpainters=["telea"], detectors=[f"files:{out.folder}"], out=tmp_path / "r", **OPTIONS)
    with pytest.raises(WeightsError, match="is no folder"):
        safebench.run(inpainters=["files:" + str(tmp_path / "nowhere")], out=tmp_path / "r", **OPTIONS)


def test_pictures_after_postprocessing_go_out_as_the_files_that_detectors_see(tmp_path):
    chains: dict[str, Any] = {"postprocess": ["none", "jpeg:70"]}
    run = safebench.run(inpainters=["telea"], detectors=["laplacian"], out=tmp_path / "r", **OPTIONS, **chains)
    out = safebench.export(run.folder, tmp_path / "x")
    assert sorted(Path(picture.file).suffix for picture in out) == [".jpg"] * 4 + [".png"] * 4
    detector = safebench.load_detector("laplacian")
    for picture in out:
        found = calling.detect(detector, picture.image[None])
        out.put(picture.name, found.maps[0])
    again = safebench.run(
        inpainters=["telea"],
        detectors=["laplacian", f"mine=files:{out.folder}"],
        out=tmp_path / "r",
        **OPTIONS,
        **chains,
    )
    assert not len(again.failures)
    ours, theirs = (again.detection[again.detection["detector"] == name] for name in ("laplacian", "mine"))
    np.testing.assert_allclose(ours["auc"], theirs["auc"], atol=1e-9)


def test_forged_pictures_of_others_go_out_to_detectors(tmp_path, telea):
    composites = telea.folder / telea.quality["composite"]
    masks = telea.folder / telea.samples["mask"]
    pairs = [[str(picture), str(mask)] for picture, mask in zip(composites, masks, strict=True)]
    (tmp_path / "list.json").write_text(json.dumps(pairs))
    options: dict[str, Any] = {"pictures": tmp_path / "list.json", "out": tmp_path / "r", "lpips_net": "squeeze"}
    safebench.run(detectors=["laplacian"], **options)
    with pytest.raises(ConfigError, match="has no holes to fill"):
        safebench.export({"pictures": tmp_path / "list.json"}, tmp_path / "y")
    with pytest.raises(ConfigError, match="has no holes to fill"):
        safebench.export(tmp_path / "r", tmp_path / "y", kind="inpainters")
    out = safebench.export(tmp_path / "r", tmp_path / "x")
    detector = safebench.load_detector("laplacian")
    for picture in out:
        assert picture.file.read_bytes() in [path.read_bytes() for path in composites]
        out.put(picture.name, calling.detect(detector, picture.image[None]).maps[0])
    run = safebench.run(detectors=["laplacian", f"mine=files:{out.folder}"], **options)
    assert not len(run.failures)
    ours, theirs = (run.detection[run.detection["detector"] == name] for name in ("laplacian", "mine"))
    np.testing.assert_allclose(ours["auc"], theirs["auc"], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["places2/case1", "psv/case2"])
def test_pictures_that_authors_publish(tmp_path, shared, case):
    place, name = (shared / "data" / "published" / "madf" / case).parent, case.partition("/")[2]
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    shutil.copy(place / f"{name}.png", tmp_path / "photos")
    hole = read_photo(place / f"{name}_mask.png").max(axis=2) < 128
    save_png(tmp_path / "masks" / "m.png", hole)
    options = {"images": tmp_path / "photos", "masks": tmp_path / "masks", "size": 512, "lpips_net": "squeeze"}
    share = int(hole.mean() * 10) * 10
    options["bins"] = f"{share}-{share + 10}"
    out = safebench.export(options, tmp_path / "x")
    [picture] = out
    shutil.copy(place / f"{name}_output.png", out.answers / f"{picture.name}.png")
    notes = Notes()
    run = safebench.run(inpainters=[f"madf-authors=files:{out.folder}"], out=tmp_path / "r", watcher=notes, **options)
    assert not len(run.failures)
    assert any("changed 0.0% of the known pixels" in sentence for sentence in notes.said)
    assert run.quality["psnr"][0] > 15
