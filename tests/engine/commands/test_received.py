"""Runs over forged pictures that are given: their own size, their files' bytes, their masks; no inpainter."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import f1_score, roc_auc_score

import safebench
from safebench.errors import ConfigError
from safebench.results.claims import Claims
from safebench.results.reporting import write_report
from safebench.results.results import open_run
from safebench.results.submitting import submit
from safebench.results.verdict import least_detectable
from safebench.work.watching import Silent

SIZES = {"a": (64, 48), "b": (48, 64), "c": (64, 48), "d": (80, 80)}
"""Width and height of each photo."""


def write(path: Path, pixels: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def forged(tmp_path: Path) -> Path:
    """Four photos of three sizes, each forged twice through one mask; `lama` keeps JPEG files, `mat` PNG."""
    rng = np.random.default_rng(0)
    root = tmp_path / "set"
    for name, (width, height) in SIZES.items():
        photo = rng.integers(0, 255, (height // 8, width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        hole = np.zeros((height, width), bool)
        hole[10:30, 8:32] = True
        write(root / "Au" / f"{name}.png", photo)
        write(root / "Gt" / f"{name}_mask.png", hole.astype(np.uint8) * 255)
        for maker, suffix, options in (("lama", "jpg", {"quality": 90}), ("mat", "png", {})):
            filled = np.where(hole[..., None], rng.integers(0, 255, photo.shape, np.uint8), photo)
            write(root / "Tp" / maker / f"{name}.{suffix}", filled, **options)
    return root


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def run(pictures: Path, **more: Any) -> safebench.Results:
    options = {"detectors": ["laplacian"], "keep_maps": True, "lpips_net": "squeeze", "device": "cpu", **more}
    return safebench.run(pictures=str(pictures), out=pictures.parent / "run", **options)


def cells_of(results: safebench.Results) -> dict[str, Any]:
    """What each maker's pictures gave, all bins together."""
    cells: list[Any] = results.detection_cells.query("bin == 'all'").to_dict("records")
    return {cell["inpainter"]: cell for cell in cells}


def test_pictures_keep_their_size_and_bytes_and_figures_are_those_of_scikit_learn(forged):
    results = run(forged)
    assert not len(results.failures)
    assert sorted(results.quality["inpainter"].unique()) == ["lama", "mat"]
    assert (len(results.detection), len(results.originals)) == (8, 4), (
        "every forged picture, and each authentic one once"
    )
    samples = results.samples.set_index("sample")
    composites = results.quality.set_index(["sample", "inpainter"])
    for row in results.detection.to_dict("records"):
        name = Path(samples.loc[row["sample"], "photo_name"]).stem
        made = composites.loc[(row["sample"], row["inpainter"])]
        source = next((forged / "Tp" / row["inpainter"]).glob(f"{name}.*"))
        kept = results.folder / made["composite"]
        assert kept.read_bytes() == source.read_bytes()
        assert made["composite_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        hole = np.asarray(Image.open(forged / "Gt" / f"{name}_mask.png")).ravel() > 127
        scores = np.asarray(Image.open(results.folder / row["map"]), np.float64)
        assert scores.shape == SIZES[name][::-1]
        assert row["auc"] == pytest.approx(roc_auc_score(hole, scores.ravel() / 65535), abs=1e-3)
        assert row["f1"] == pytest.approx(f1_score(hole, scores.ravel() / 65535 >= 0.5, zero_division=0), abs=1e-12)
        original = np.asarray(Image.open(forged / "Au" / f"{name}.png"))
        psnr = peak_signal_noise_ratio(original, np.asarray(Image.open(source)), data_range=255)
        assert made["psnr"] == pytest.approx(psnr, abs=1e-9)
    known = results.quality.groupby("inpainter")["known_changed"].mean()
    assert known["mat"] == 0
    assert known["lama"] > 0, "JPEG changes the rest too"
    bins = set(results.detection_cells["bin"])
    assert bins == {"0-10", "10-20", "all"}


def test_run_json_says_what_was_given_and_a_second_call_does_nothing(forged):
    first = run(forged)
    said = first.record.pictures
    assert said is not None
    assert (said.kind, said.makers, said.authentic, said.hole) == ("folders", {"lama": 4, "mat": 4}, 4, "white")
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.p*") if path.is_file()}
    again = run(forged)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.p*") if path.is_file()} == before
    pd.testing.assert_frame_equal(again.detection, first.detection)
    write(forged / "Tp" / "mat" / "a.png", np.zeros((48, 64, 3), np.uint8))
    changed = run(forged)
    assert changed.record.pictures is not None
    assert changed.record.pictures.fingerprint != said.fingerprint
    rows = changed.quality.merge(first.quality, on=["sample", "inpainter"])
    assert (rows["composite_sha256_x"] != rows["composite_sha256_y"]).sum() == 1


def test_a_run_over_pictures_is_submitted_reported_and_compared_like_any_other(forged, tmp_path):
    (forged / "Tp" / "mat" / "d.png").write_bytes(b"no picture")
    results = run(forged)
    assert list(results.failures["error_step"]) == ["read"]
    _, verdict = submit(results.folder, tmp_path / "handed-in.zip", seed=1)
    assert verdict.figures > 0
    page = write_report([open_run(results.folder)], tmp_path / "report", "html").read_text("utf-8")
    assert "lama" in page
    write_report([open_run(results.folder)], tmp_path / "board", "leaderboard")
    claims = Claims(results.stored)
    cells = cells_of(results)
    assert claims.shortfall(cells["lama"]) == ""
    assert claims.shortfall(cells["mat"]) == "", "a file that cannot be read is no detector's failure"
    kept = results.folder / results.quality.query("inpainter == 'lama'")["composite"].iloc[0]
    kept.write_bytes(kept.read_bytes() + b" ")
    with pytest.raises(safebench.errors.SubmissionError, match="is not the file that was measured"):
        submit(results.folder, tmp_path / "again.zip")


def test_pages_show_pictures_that_browsers_do_not(forged, tmp_path):
    for folder in ("Au", "Tp/mat"):
        for path in (forged / folder).iterdir():
            Image.open(path).save(path.with_suffix(".tif"))
            path.unlink()
    results = run(forged, limit=1)
    write_report([results.stored], tmp_path / "report", "html")
    [sample] = results.samples["sample"]
    [shown] = (tmp_path / "report" / "gallery").glob(f"{sample}.mat.received.[0-9a-f]*.png")
    kept = results.folder / results.quality.query("inpainter == 'mat'")["composite"].iloc[0]
    assert kept.suffix == ".tif"
    assert (np.asarray(Image.open(shown)) == np.asarray(Image.open(kept))).all()


def test_makers_of_other_samples_are_not_compared_but_their_detectors_are(forged):
    (forged / "Tp" / "mat" / "d.png").unlink()
    results = run(forged)
    claims = Claims(results.stored)
    cells = cells_of(results)
    assert claims.comparable(cells["lama"])
    assert not claims.comparable(cells["mat"])
    assert claims.detector_gap(cells["mat"]) == ""
    assert claims.not_given(cells["mat"]["dataset"], "all", "mat") == "made pictures of 3 of 4 samples"


def test_originals_of_another_size_are_told_at_the_terminal_in_run_json_and_on_the_page(forged, tmp_path):
    write(forged / "Au" / "d.png", np.zeros((40, 40, 3), np.uint8))
    told = Told()
    results = run(forged, watcher=told)
    rows = results.quality.set_index("photo")["psnr"]
    assert rows[rows.index.str.contains("Au_d-")].isna().all()
    assert rows.notna().sum() == 6
    assert results.record.pictures is not None
    assert results.record.pictures.unlike_originals == 2
    [note] = [note for note in told.notes if "original of another size" in note]
    assert note.startswith(
        "2 of 8 forged pictures have an original of another size (Tp/lama/d.jpg: 80x80, its original"
    )
    page = write_report([results.stored], tmp_path / "report", "html").read_text("utf-8")
    assert "2 pictures have an original of another size: nothing of their quality is measured." in page


def test_makers_of_other_masks_are_not_ranked_and_the_verdict_says_why(forged):
    for name in SIZES:
        maker = "lama" if name in "ab" else "mat"
        next((forged / "Tp" / maker).glob(f"{name}.*")).unlink()
    results = run(forged)
    [dataset] = results.samples["dataset"].unique()
    said = " ".join(map(str, least_detectable(Claims(results.stored), dataset)))
    assert said == (
        "No inpainter can be ranked: lama (made pictures of 2 of 4 samples), mat (made pictures of 2 of 4 samples). "
        "Makers of pictures are compared where they made them of the same photos, through the same masks."
    )


def test_without_originals_there_is_no_quality_and_no_false_alarm(forged):
    shutil.rmtree(forged / "Au")
    results = run(forged)
    assert not len(results.failures)
    assert results.quality["psnr"].isna().all()
    assert not len(results.false_alarms)
    assert results.detection_cells["image_auc"].isna().all()
    assert (results.detection["auc"] > 0).all()
    submit(results.folder, forged.parent / "handed-in.zip", seed=1)


def test_authentic_pictures_of_no_forged_one_are_looked_at_and_are_no_samples(forged):
    write(forged / "Au" / "other.png", np.asarray(Image.open(forged / "Au" / "d.png")))
    results = run(forged)
    assert results.false_alarms["n"].tolist() == [5]
    claims = Claims(results.stored)
    assert all(claims.shortfall(cell) == "" for cell in cells_of(results).values())
    submit(results.folder, forged.parent / "handed-in.zip", seed=1)


def test_what_is_wrong_with_a_mask_fails_in_its_row_and_is_told(forged):
    hole = np.asarray(Image.open(forged / "Gt" / "a_mask.png"))
    write(forged / "Gt" / "a_mask.png", 255 - hole)  # inverted
    write(forged / "Gt" / "b_mask.png", hole)  # another size than its picture
    write(forged / "Gt" / "c_mask.png", np.full((48, 64), 100, np.uint8))  # neither black nor white
    write(forged / "Gt" / "d_mask.png", np.zeros((80, 80), np.uint8))  # no hole
    told = Told()
    results = run(forged, watcher=told)
    errors = results.quality.query("inpainter == 'mat'").set_index("photo")["error"]
    expected = {
        "a-": "looks inverted",
        "b-": "64x48 pixels, its picture 48x64",
        "c-": "nothing in it is white",
        "d-": "no hole",
    }
    for photo, why in expected.items():
        assert why in errors[errors.index.str.contains(f"Au_{photo}")].iloc[0]
    assert set(results.quality["error_step"]) == {"mask"}
    assert any("1 of 4 masks cannot be used" in note for note in told.notes)
    assert results.false_alarms["n"].tolist() == [4], "the originals are looked at all the same"


def test_black_holes_are_told_by_the_difference_where_that_is_asked_for(forged):
    white = run(forged).detection.set_index(["sample", "inpainter"])["auc"]
    for path in (forged / "Gt").iterdir():
        write(path, 255 - np.asarray(Image.open(path)))
    told = Told()
    for hole in ("black", "auto-by-difference"):
        other = run(forged, mask_hole=hole, watcher=told)
        assert sorted(other.detection.set_index(["sample", "inpainter"])["auc"].dropna()) == sorted(white.dropna())
    assert "by the difference of pictures and originals the hole is black in 4 of 4 masks" in told.notes
    shutil.rmtree(forged / "Au")
    lost = run(forged, mask_hole="auto-by-difference")
    assert lost.quality["error"].str.contains("its picture has no original").all()


def test_grey_fringes_are_told_and_a_threshold_says_what_they_are(forged):
    for path in (forged / "Gt").iterdir():
        hole = np.asarray(Image.open(path)).copy()
        hole[9, 8:32] = hole[30, 8:32] = 100
        write(path, hole)
    told = Told()
    assert run(forged, watcher=told).detection["auc"].notna().sum() == 8
    assert any("4 of 4 masks have grey pixels" in note for note in told.notes)
    wider = run(forged, mask_threshold=50)
    assert (wider.quality.query("error == ''")["hole_ratio"] * 1000).round().max() == round(22 * 24 / (64 * 48) * 1000)


def test_options_that_mean_nothing_beside_pictures_are_refused(forged):
    refused = {
        "inpainters": ["telea"], "bins": "10-20", "masks": "nvidia", "images": "places2", "assembly": ["regenerated"],
        "size": 256, "detectors": [],
    }  # fmt: skip
    for name, value in refused.items():
        with pytest.raises(ConfigError, match=name.rstrip("s")):
            run(forged, **{name: value})
    with pytest.raises(ConfigError, match="belongs to --pictures"):
        safebench.run(inpainters=["telea"], mask_hole="black")


def test_postprocessing_meets_pictures_of_several_sizes(forged):
    results = run(forged, postprocess=["none", "resize:0.75+jpeg:90"], limit=2)
    assert not len(results.failures)
    assert (len(results.detection), len(results.originals)) == (2 * 2 * 2, 2 * 2)
