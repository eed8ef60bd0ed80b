"""The main job end to end, on real photos: what is stored, what is done again and what is not."""

from __future__ import annotations

import io
import shutil
import signal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import f1_score, roc_auc_score

import safebench
from safebench.cli.running import summarise
from safebench.errors import ConfigError, SafebenchError, StoreError, UnknownNameError
from safebench.inputs.images import read_photo
from safebench.metrics import remembering
from safebench.metrics.perceptual import Perceptual
from safebench.runs.store import Store
from safebench.work.watching import Silent
from tests.forking import run_forked

OPTIONS: dict[str, Any] = {"images": "sample", "size": 96, "limit": 3, "bins": "10-20,40-50", "lpips_net": "squeeze"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small finished run that the tests below only look at."""
    out = tmp_path_factory.mktemp("runs") / "small"
    return safebench.run(
        inpainters=["telea", "copy", "noise"], detectors=["laplacian"], keep_maps=True, out=out, **OPTIONS
    )


def _files(folder: Path) -> dict[str, int]:
    """Every file below a folder and when it was written."""
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def _work(folder: Path) -> dict[str, int]:
    return {name: when for name, when in _files(folder).items() if name != "run.json"}


def test_a_run_has_a_row_for_every_sample_and_model(finished):
    assert len(finished.samples) == 3 * 2
    assert len(finished.quality) == 6 * 3
    assert (len(finished.detection), len(finished.originals)) == (6 * 3, 3), (
        "every composite, and each untouched photo once"
    )
    assert (finished.quality["error"] == "").all()
    assert finished.record.status == "finished"


def test_few_crops_of_the_built_in_photos_name_nobody_at_the_terminal(finished):
    assert finished.record.photos.independent == 6
    told = io.StringIO()
    summarise(finished.stored, Console(file=told, width=200))
    assert "Too few to say which inpainter is least detectable: 3 photos" in told.getvalue()
    [acc] = finished.detection_cells.query("inpainter == 'telea' and bin == 'all'").to_dict("records")
    shown = "{detection_rate:.3f} [{detection_rate_low:.3f}, {detection_rate_high:.3f}]".format(**acc)
    assert shown in told.getvalue()
    assert acc["detection_rate_high"] - acc["detection_rate_low"] > 0.6, "3 photos say little"


def test_the_controls_are_what_they_are(finished):
    quality = finished.quality.set_index("inpainter")
    assert np.isinf(quality.loc["copy", "psnr"]).all()
    cells = finished.quality_cells.set_index(["inpainter", "bin"])
    assert cells.loc[("copy", "all"), "psnr_infinite"] == 6
    assert np.isnan(cells.loc[("copy", "all"), "psnr"]), "infinite values are counted, never averaged"


def test_metrics_can_be_computed_again_from_the_stored_evidence(finished):
    samples = finished.samples.set_index("sample")

    def read(name: str) -> np.ndarray:
        return np.asarray(Image.open(finished.folder / name))

    for _, row in finished.quality[finished.quality["inpainter"] != "copy"].iterrows():
        composite, original = read(row["composite"]), read(samples.loc[row["sample"], "original"])
        hole = read(samples.loc[row["sample"], "mask"]) > 0
        assert (composite[~hole] == original[~hole]).all(), "known pixels stay bit-identical"
        assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(original, composite, data_range=255), abs=1e-9)
        expected = structural_similarity(
            original,
            composite,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        assert row["ssim"] == pytest.approx(expected, abs=1e-6)
    for _, row in finished.detection[finished.detection["inpainter"] == "telea"].iterrows():
        hole = read(samples.loc[row["sample"], "mask"]).ravel() > 0
        scores = read(row["map"]).ravel() / 65535
        assert row["auc"] == pytest.approx(roc_auc_score(hole, scores), abs=1e-3), "the stored map has 16 bits"
        assert row["f1"] == pytest.approx(f1_score(hole, scores >= 0.5, zero_division=0), abs=1e-12)


def test_composites_say_what_made_them(finished):
    path = finished.folder / finished.quality.query("inpainter == 'telea'")["composite"].iloc[0]
    assert "telea" in Image.open(path).info["SafeBench"]


def test_the_same_command_again_does_nothing(finished):
    before = _work(finished.folder)
    again = safebench.run(
        inpainters=["telea", "copy", "noise"], detectors=["laplacian"], keep_maps=True, out=finished.folder, **OPTIONS
    )
    assert _work(finished.folder) == before
    pd.testing.assert_frame_equal(again.quality, finished.quality)
    pd.testing.assert_frame_equal(again.detection, finished.detection)


def _small(out: Path, **more) -> safebench.Results:
    options = {"inpainters": ["telea"], "detectors": ["laplacian"], **OPTIONS, "limit": 2, "bins": "10-20", **more}
    return safebench.run(out=out, **options)


def test_the_same_inputs_and_seed_give_the_same_tables(tmp_path):
    first, second = _small(tmp_path / "a"), _small(tmp_path / "b")
    pd.testing.assert_frame_equal(first.quality, second.quality)
    pd.testing.assert_frame_equal(first.detection, second.detection)
    pd.testing.assert_frame_equal(first.detection_cells, second.detection_cells)


def test_a_detector_added_later_costs_only_itself(tmp_path):
    before = _files(_small(tmp_path / "run").folder)
    both = _small(tmp_path / "run", detectors=["splicebuster"])
    after = _files(both.folder)
    assert {name: after[name] for name in before if name != "run.json"} == {
        name: when for name, when in before.items() if name != "run.json"
    }
    assert set(both.detection["detector"]) == {"laplacian", "splicebuster"}, "the run's folder holds both"


def test_photos_added_later_leave_the_others_as_they_are(tmp_path):
    few = _small(tmp_path / "run", limit=2)
    composites = {name: when for name, when in _files(few.folder).items() if name.startswith("composites")}
    more = _small(tmp_path / "run", limit=4)
    assert len(more.quality) == 4
    assert composites.items() <= _files(more.folder).items()
    merged = few.quality.merge(more.quality, how="left", indicator=True)
    assert (merged["_merge"] == "both").all(), "the first rows are found again, to the last digit"


def test_another_seed_never_meets_old_results(tmp_path):
    first = _small(tmp_path / "run")
    other = _small(tmp_path / "run", seed=1)
    assert not set(first.quality["key"]) & set(other.quality["key"])
    assert len(other.quality) == 2
    back = _small(tmp_path / "run")
    pd.testing.assert_frame_equal(back.quality, first.quality)


def test_a_changed_photo_never_meets_old_results(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (80, 90, 3), np.uint8)
    Image.fromarray(noise).save(photos / "a.png")
    first = _small(tmp_path / "run", images=str(photos))
    Image.fromarray(255 - noise).save(photos / "a.png")
    second = _small(tmp_path / "run", images=str(photos))
    assert len(second.quality) == 1
    assert not set(first.quality["key"]) & set(second.quality["key"])
    assert (len(second.detection), len(second.originals)) == (1, 1), "the untouched photo is looked at anew as well"


def test_a_lost_composite_is_made_again(tmp_path):
    first = _small(tmp_path / "run")
    path = first.folder / first.quality["composite"].iloc[0]
    data = path.read_bytes()
    path.unlink()
    second = _small(tmp_path / "run")
    assert path.read_bytes() == data
    pd.testing.assert_frame_equal(first.quality, second.quality)


@pytest.fixture
def bad_folder(tmp_path) -> Path:
    """Three readable photos among files that are not."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 255, (120, 100, 3), np.uint8))
    photo.save(folder / "fine.png")
    photo.convert("CMYK").save(folder / "deep" / "print.jpg")
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (40, 20_000, 3), np.uint8)).save(folder / "wide.png")
    whole = io.BytesIO()
    photo.save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[:900])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("I am no image")
    (folder / "notes.txt").write_text("nor am I")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    return folder


def test_unreadable_photos_become_rows_and_the_run_goes_on(bad_folder, tmp_path):
    results = _small(tmp_path / "run", images=str(bad_folder), limit=None)
    names = results.samples.set_index("photo")["photo_name"]
    fine = results.quality[results.quality["error"] == ""]
    assert set(names[fine["photo"]]) == {"fine.png", "deep/print.jpg", "wide.png"}
    failures = results.failures
    assert set(names[failures["photo"]]) == {"cut.jpg", "empty.jpg", "text.png", "dot.png"}
    assert set(failures["error_step"]) == {"read"}
    for _, failure in failures.iterrows():
        assert names[failure["photo"]].split("/")[-1] in failure["error"], "the sentence names the file"
    cell = results.quality_cells.query("bin == '10-20'").iloc[0]
    assert (cell["n"], cell["failures"]) == (3, 4)
    assert results.record.photos.ignored == 1
    before = _work(results.folder)
    again = _small(tmp_path / "run", images=str(bad_folder), limit=None)
    pd.testing.assert_frame_equal(again.quality, results.quality)
    composites = [name for name in before if name.startswith("composites")]
    assert all(_work(results.folder)[name] == before[name] for name in composites)


def test_a_strict_run_stops_at_the_first_failure(bad_folder, tmp_path):
    with pytest.raises(SafebenchError, match="strict"):
        _small(tmp_path / "run", images=str(bad_folder), limit=None, strict=True)


def test_a_model_that_fails_on_one_image_costs_only_that_one(tmp_path, monkeypatch):
    import cv2

    real, seen = cv2.inpaint, []

    def moody(image, mask, radius, flags):
        seen.append(mask.sum())
        if len(set(seen)) == 1:
            raise ValueError("I do not like this one")
        return real(image, mask, radius, flags)

    monkeypatch.setattr(cv2, "inpaint", moody)
    results = _small(tmp_path / "run", limit=4, batch_size=4)
    errors = results.quality["error"]
    assert (errors != "").sum() == 1
    assert "I do not like this one" in errors[errors != ""].iloc[0]
    assert list(results.failures["error_step"]) == ["inpaint"]
    assert (len(results.detection), len(results.originals)) == (4, 4)
    assert (results.detection["error"] != "").sum() == 1, "no composite, no detection: counted as a failure there"


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, sentence: str) -> None:
        self.said.append(sentence)


def test_a_model_that_fails_on_every_image_is_told_and_costs_no_other(tmp_path, monkeypatch):
    import cv2

    def broken(*_):
        raise ValueError("I never work")

    monkeypatch.setattr(cv2, "inpaint", broken)
    notes = Notes()
    results = _small(tmp_path / "run", inpainters=["telea", "noise"], batch_size=1, watcher=notes)
    assert [sentence for sentence in notes.said if "telea" in sentence] == [
        "telea: failed on all 2 images: ValueError: I never work"
    ]
    assert len(notes.said) == 1
    failed = results.detection[results.detection["error"] != ""]
    assert set(failed["inpainter"]) == {"telea"}
    assert len(failed) == 2


def test_features_of_originals_are_computed_once_for_all_inpainters(tmp_path, monkeypatch):
    seen: list[bytes] = []
    real = Perceptual._features

    def counted(self, image):
        seen.append(image.tobytes())
        return real(self, image)

    alone = [_small(tmp_path / name, inpainters=[name], limit=3) for name in ("telea", "noise")]
    monkeypatch.setattr(remembering, "_MEMORY", 1)
    monkeypatch.setattr(Perceptual, "_features", counted)
    both = _small(tmp_path / "both", inpainters=["telea", "noise"], limit=3)
    originals = {read_photo(both.folder / path).tobytes() for path in both.samples["original"]}
    assert len(originals) == 3
    assert sum(image in originals for image in seen) == 3, "though hardly one fits into the memory"
    expected = pd.concat([one.quality for one in alone])["lpips"]
    assert sorted(both.quality["lpips"]) == sorted(expected), "to the last digit"
    assert not [
        path
        for path in both.folder.iterdir()
        if path.is_file() and path.suffix not in (".json", ".parquet") and path.name != ".lock"
    ]


def test_a_run_among_the_photos_is_no_input_of_the_next(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for k in range(2):
        noise = np.random.default_rng(k).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / f"{k}.png")
    monkeypatch.chdir(tmp_path / "photos")
    told: list[str] = []

    class Watcher(Silent):
        def note(self, sentence: str) -> None:
            told.append(sentence)

    runs = [
        safebench.run(inpainters=["copy"], watcher=Watcher(), **{**OPTIONS, "images": ".", "size": 32})
        for _ in range(2)
    ]
    assert runs[0].folder.parent.name == "runs"
    pd.testing.assert_frame_equal(runs[0].quality, runs[1].quality)
    assert len(runs[1].samples) == 4
    assert "left out: 10 pictures that SafeBench made (in folders of runs, or with its note)" in told
    assert "left out" in runs[1].record.photos.note


def test_a_folder_of_other_things_takes_no_run(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    with pytest.raises(StoreError, match=r"thesis: holds other things \(chapter.tex\) and no run"):
        _small(tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_two_runs_on_one_folder_are_refused(tmp_path):
    with Store(tmp_path / "run").locked(), pytest.raises(StoreError, match="another run is at work"):
        _small(tmp_path / "run")
    _small(tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"inpainters": ["tela"]}, UnknownNameError, "telea"),
        ({"bins": "10-30"}, ConfigError, "10-20"),
        ({"limit": 0}, ConfigError, "at least 1"),
        ({"mask_threshold": 256}, ConfigError, "between 1 and 255"),
        ({"device": "cuda:99"}, ConfigError, "cuda:99"),
        ({"images": "/no/such/folder"}, SafebenchError, "/no/such/folder"),
        ({"masks": "no-such-masks"}, SafebenchError, "no-such-masks"),
        ({"weights": {"lama": "x.ckpt"}}, ConfigError, "lama"),
        ({"lpips_net": "resnet"}, ConfigError, "resnet"),
        ({"sizes": 3}, ConfigError, "sizes"),
        ({"suite": 5}, ConfigError, "5: is no path"),
        ({"watcher": print}, ConfigError, "begin, advance and note"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(tmp_path, options, error, says):
    with pytest.raises(error, match=says):
        _small(tmp_path / "run", **options)


def test_a_suite_file_holds_the_options_and_flags_override_it(tmp_path):
    suite = tmp_path / "suite.toml"
    suite.write_text('inpainters = ["noise"]\nsize = 64\nlimit = 5\nbins = "10-20"\nlpips_net = "squeeze"\n')
    results = safebench.run(suite, limit=1, out=tmp_path / "run")
    assert len(results.quality) == 1
    suite.write_text('inpainter = "noise"\n')
    with pytest.raises(ConfigError, match=r"suite\.toml.*inpainter"):
        safebench.run(suite, out=tmp_path / "run")


RUN = """
import itertools, os, signal, sys
import safebench

sync, count, last = os.fsync, itertools.count(1), int(sys.argv[1])

def counted(descriptor):
    if next(count) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(descriptor)

os.fsync = counted
safebench.run(inpainters=["telea", "noise"], detectors=["laplacian"], images="sample", size=64, limit=4,
              bins="10-20,40-50", lpips_net="squeeze", keep_maps=True, batch_size=2, out=sys.argv[2])
"""
"""A run that is killed at its so-manieth call of fsync, in the middle of a file, or when it has just been renamed.
0: not killed."""


@pytest.mark.slow
def test_killed_at_several_moments_and_run_again_it_ends_with_the_same_tables(tmp_path):
    lasts = (3, 12, 21, 32, 41)
    for name, last in (("whole", 0), *(("killed", last) for last in lasts), ("killed", 0)):
        done = run_forked(RUN, tmp_path, arguments=["-c", str(last), name])
        assert done.returncode == (-signal.SIGKILL if last else 0), done.stderr
    whole = safebench.open_run(tmp_path / "whole")
    killed = safebench.open_run(tmp_path / "killed")
    pd.testing.assert_frame_equal(killed.quality, whole.quality, check_exact=True)
    pd.testing.assert_frame_equal(killed.detection, whole.detection, check_exact=True)
    pd.testing.assert_frame_equal(killed.detection_cells, whole.detection_cells, check_exact=True)
    for _, row in killed.quality.iterrows():
        assert (killed.folder / row["composite"]).read_bytes() == (whole.folder / row["composite"]).read_bytes()
    assert not list(killed.folder.rglob("*.tmp*")), "what a killed run left half-written is cleared away"


def test_a_run_can_be_moved(finished, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(finished.folder, moved)
    pd.testing.assert_frame_equal(safebench.open_run(moved).detection, finished.detection)


@pytest.mark.parametrize("source", ["sample", "pictures"])
def test_a_watcher_is_told_beforehand_how_much_all_stages_are(tmp_path, source):
    class Counting(Silent):
        expected = 0
        stages: ClassVar[list[int]] = []
        done = 0

        def expect(self, total: int) -> None:
            self.expected = total

        def begin(self, title: str, total: int) -> None:
            self.stages.append(total)

        def advance(self, done: int, *, fresh: bool = True) -> None:
            self.done += done

    Counting.stages = []
    options: dict[str, Any] = {
        "inpainters": ["telea", "copy"], "assembly": ["spliced", "regenerated"], "limit": 2, "size": 64,
        "bins": "10-20",
    }  # fmt: skip
    if source == "pictures":
        for folder, name in (("Au", "a"), ("Au", "other"), ("Tp", "a"), ("Gt", "a")):
            (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
            pixels = np.zeros((48, 64, 3), np.uint8)
            pixels[10:20, 10:30] = 255
            Image.fromarray(pixels).save(tmp_path / "set" / folder / f"{name}.png")
        options = {"pictures": tmp_path / "set"}
    for _ in range(2):
        told = Counting()
        safebench.run(
            **options, detectors=["laplacian"], postprocess=["none", "jpeg:75"], lpips_net="squeeze", device="cpu",
            out=tmp_path / "run", watcher=told,
        )  # fmt: skip
        assert told.expected == sum(told.stages) == told.done > 0
        told.stages.clear()
