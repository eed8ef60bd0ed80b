"""Detectors look at pictures as they are and after post-processing; every condition has its own controls."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import f1_score, roc_auc_score

import safebench
from safebench.models import calling
from safebench.models.cards import parse_card
from safebench.models.contracts import Detection, Detector
from safebench.models.specs import participant
from safebench.route import detect_worker
from safebench.route.chains import choose_chains
from safebench.route.detect_worker import DetectWorker
from safebench.work.tasks import Answer, Failure, FileRef, Item

OPTIONS: dict[str, Any] = {
    "inpainters": ["telea"],
    "detectors": ["laplacian"],
    "images": "sample",
    "size": 64,
    "limit": 2,
    "bins": "10-20",
    "lpips_net": "squeeze",
    "keep_maps": True,
}
CONDITIONS = ["none", "jpeg:75", "resize:0.5", "noise:7"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> safebench.Results:
    out = tmp_path_factory.mktemp("runs") / "run"
    return safebench.run(out=out, postprocess=CONDITIONS, **OPTIONS)


def after(run: safebench.Results, condition: str, inpainter: str = "telea") -> pd.DataFrame:
    rows = run.stored.detection
    return rows[(rows["postprocess"] == condition) & (rows["inpainter"] == inpainter)]


def files(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def picture(run: safebench.Results, row: Any) -> Image.Image:
    """The composite that a row is of, before post-processing."""
    made = run.quality[run.quality["sample"] == row["sample"]].iloc[0]
    return Image.open(run.folder / made["composite"])


def hole(run: safebench.Results, row: Any) -> Image.Image:
    return Image.open(run.folder / run.samples.set_index("sample").loc[row["sample"], "mask"])


def test_originals_go_through_the_same_chain(run):
    for condition in CONDITIONS:
        assert len(after(run, condition)) == 2
        assert len(after(run, condition, "original")) == 2
    alarms = run.false_alarms.set_index("postprocess")
    cells = run.detection_cells[run.detection_cells["bin"] == "all"].set_index("postprocess")
    for condition in CONDITIONS:
        highest = after(run, condition, "original")["score"].max()
        expected = np.nextafter(highest, 2)
        assert alarms.loc[condition, "threshold_at_5"] == expected, "its own, of its own originals"
        assert cells.loc[condition, "threshold_at_5"] == expected
    assert alarms["threshold_at_5"].nunique() > 1


def test_figures_after_jpeg_are_those_of_pillow_and_scikit_learn(run):
    detector = calling.load_detector("laplacian", device="cpu")
    for _, row in after(run, "jpeg:75").iterrows():
        buffer = io.BytesIO()
        picture(run, row).save(buffer, "JPEG", quality=75)
        assert row["picture_sha256"] == hashlib.sha256(buffer.getvalue()).hexdigest()
        shown = np.asarray(Image.open(buffer))
        found = calling.detect(detector, shown[None]).maps[0].ravel()
        truth = np.asarray(hole(run, row)).ravel() > 0
        assert row["auc"] == pytest.approx(roc_auc_score(truth, found), abs=1e-12)
        assert row["f1"] == pytest.approx(f1_score(truth, found >= 0.5, zero_division=0), abs=1e-12)
        if row["picture"]:
            assert row["picture"].endswith(".jpg")
            assert (run.folder / row["picture"]).read_bytes() == buffer.getvalue()


def test_localisation_is_measured_at_the_size_after_resizing(run):
    for _, row in after(run, "resize:0.5").iterrows():
        small = picture(run, row).resize((32, 32), Image.Resampling.BICUBIC)
        stored = Image.open(run.folder / row["picture"])
        np.testing.assert_array_equal(np.asarray(stored), np.asarray(small))
        truth = np.asarray(hole(run, row).resize((32, 32), Image.Resampling.NEAREST)).ravel() > 127
        kept = np.asarray(Image.open((run.folder / row["picture"]).with_suffix(".mask.png"))).ravel() > 127
        np.testing.assert_array_equal(kept, truth)
        found = np.asarray(Image.open(run.folder / row["map"])).ravel() / 65535
        assert row["auc"] == pytest.approx(roc_auc_score(truth, found), abs=1e-12)
        assert row["f1"] == pytest.approx(f1_score(truth, found >= 0.5, zero_division=0), abs=1e-12)


def test_the_picture_as_it_is_gives_the_rows_of_a_plain_run(run, tmp_path):
    plain = safebench.run(out=tmp_path / "plain", **OPTIONS)
    for ours, its in ((run.detection, plain.detection), (run.originals, plain.originals)):
        without = ours[ours["postprocess"] == "none"].reset_index(drop=True)
        pd.testing.assert_frame_equal(without, its, check_exact=True)
    pd.testing.assert_frame_equal(run.quality, plain.quality, check_exact=True)
    assert not (tmp_path / "plain" / "pictures").exists()


def test_the_same_command_again_does_nothing_and_a_new_condition_costs_only_itself(run, tmp_path):
    folder = shutil.copytree(run.folder, tmp_path / "run")
    before = files(folder)
    again = safebench.run(out=folder, postprocess=CONDITIONS, **OPTIONS)
    changed = {name for name, when in files(folder).items() if before.get(name) != when}
    assert changed == {"run.json"}
    pd.testing.assert_frame_equal(again.stored.detection, run.stored.detection)
    more = safebench.run(out=folder, postprocess=["none", "blur:3"], **OPTIONS)
    after_it = files(folder)
    assert all(after_it[name] == when for name, when in before.items() if name != "run.json")
    assert set(more.detection["postprocess"]) == {*CONDITIONS, "blur:3"}, "the folder holds all of them"


def test_a_kept_picture_that_is_gone_is_made_again_the_same(run, tmp_path):
    folder = shutil.copytree(run.folder, tmp_path / "run")
    kept = {path: path.read_bytes() for path in (folder / "pictures").rglob("*.jpg")}
    assert kept
    for path in kept:
        path.unlink()
    again = safebench.run(out=folder, postprocess=CONDITIONS, **OPTIONS)
    assert {path: path.read_bytes() for path in kept} == kept
    pd.testing.assert_frame_equal(again.stored.detection, run.stored.detection)


class Reader(Detector):
    """A detector that reads files, and remembers them."""

    def __init__(self) -> None:
        text = 'name = "reader"\ntitle = "R"\nsummary = "R."\nfamily = "blind"\n[input]\nreads = "files"\n'
        super().__init__(parse_card(text, "here"))
        self.load(None, torch.device("cpu"))
        self.seen: list[tuple[str, bytes]] = []

    def detect(self, images):
        raise AssertionError("it reads files")

    def detect_files(self, paths):
        self.seen += [(path.suffix, path.read_bytes()) for path in paths]
        height, width = np.asarray(Image.open(paths[0])).shape[:2]
        return Detection(torch.full((len(paths), height, width), 0.5))


@pytest.mark.parametrize(
    ("chain", "suffix", "head"),
    [
        ("jpeg:75", ".jpg", b"\xff\xd8\xff"),
        ("webp:80", ".webp", b"RIFF"),
        ("jpeg:75+resize:0.5", ".png", b"\x89PNG"),
        ("resize:0.5+jpeg:90", ".jpg", b"\xff\xd8\xff"),
        ("", ".png", b"\x89PNG"),
    ],
)
def test_a_detector_that_reads_files_gets_the_file_as_it_is(run, chain, suffix, head):
    row = run.quality.iloc[0]
    chains = {made.label: made for made in choose_chains([chain or "none"], {}, 0)}
    worker = DetectWorker(participant("detectors", "laplacian"), "cpu", chains=chains)
    worker = pickle.loads(pickle.dumps(worker))  # it travels to other processes
    reader = Reader()
    worker.model = reader
    item = Item("a", {"image": FileRef(run.folder / row["composite"])}, frozenset({"picture"}), chain)
    [answer] = worker.finish(worker.compute(worker.load([item])))
    assert isinstance(answer, Answer), answer
    [(ending, data)] = reader.seen
    assert ending == suffix
    assert data.startswith(head)
    if chain:
        assert answer.values["picture_sha256"] == hashlib.sha256(data).hexdigest()
        assert answer.files["picture"].read() == data


def test_a_step_that_fails_is_the_failure_of_its_own_rows(tmp_path, monkeypatch):
    right = calling.postprocess

    def breaking(step, image):
        if step.level == 60:
            raise MemoryError("too small a machine")
        return right(step, image)

    monkeypatch.setattr(calling, "postprocess", breaking)
    run = safebench.run(out=tmp_path / "run", postprocess=["jpeg:60", "jpeg:75"], **OPTIONS)
    assert set(after(run, "jpeg:60")["error_step"]) == {"postprocess"}
    assert set(after(run, "jpeg:75")["error"]) == {""}
    assert set(run.failures["postprocess"]) == {"jpeg:60"}


def test_a_picture_that_is_too_large_for_the_memory_says_what_helps(run, monkeypatch):
    def breaking(*_):
        raise MemoryError

    worker = DetectWorker(participant("detectors", "laplacian"), "cpu")
    monkeypatch.setattr(worker, "_look", breaking)
    [result] = worker.compute(worker.load([Item("a", {"image": FileRef(run.folder / run.samples["original"][0])})]))
    assert result == Failure("detect", "MemoryError; --tile N lets it look at large pictures in parts")


def test_pictures_of_a_chain_that_is_not_repeatable_are_all_kept_and_made_once(run, tmp_path, monkeypatch):
    torch.manual_seed(0)
    from safebench.models.toolbox.tiny_autoencoder import TinyAutoencoder

    network = TinyAutoencoder(4, pooled=False)
    for name in ("encoder", "decoder"):
        (tmp_path / "tiny").mkdir(exist_ok=True)
        torch.save(getattr(network, name).state_dict(), tmp_path / "tiny" / f"made_up_{name}.pth")
    options = {**OPTIONS, "limit": 8, "postprocess": [f"vae:{tmp_path / 'tiny'}"], "keep_maps": False}
    first = safebench.run(out=tmp_path / "run", **options)
    assert (first.detection["picture"] != "").all(), "of the gallery and of the others"

    def never(*_: Any) -> Failure:
        raise AssertionError("the pictures are there")

    monkeypatch.setattr(detect_worker.DetectWorker, "_processed", never)
    both = safebench.run(out=tmp_path / "run", **{**options, "detectors": ["laplacian", "exemplar"]})
    assert (both.detection["error"] == "").all()
    assert both.detection.groupby("sample")["picture_sha256"].nunique().eq(1).all()
