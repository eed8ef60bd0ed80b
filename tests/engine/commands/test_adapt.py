"""Detectors that learn from inpainters: from what, how they are judged, and that it can be gone on with."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safebench_detectors.iid_net.network import IIDNet
from safebench_detectors.iid_net.starting import initialise
from safetensors.torch import save_file

import safebench
from safebench.commands import adapt_split
from safebench.commands.adapt import planned
from safebench.commands.running import execute
from safebench.errors import ConfigError, DataError, SafebenchError, StoreError
from safebench.inputs.images import read_photo
from safebench.results.results import open_run
from safebench.runs.config import make_config
from safebench.work.watching import Silent
from tests.forking import run_forked

PHOTOS = 10


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Ten photos, one of them a second time as another kind of file, and what is none."""
    folder = tmp_path_factory.mktemp("adapt") / "photos"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(PHOTOS):
        small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        small.resize((44 + k, 40), Image.Resampling.BICUBIC).save(folder / f"{k}.png")
    Image.open(folder / "3.png").save(folder / "more" / "twin.bmp")
    (folder / "none.png").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """An IID-Net of the least width, as it begins."""
    torch.manual_seed(0)
    network = IIDNet(8, every_filter=True)
    initialise(network)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def options(photos, weights) -> dict[str, Any]:
    return {
        "inpainters": ["telea", "noise"],
        "detectors": ["laplacian", "iid-net"],
        "images": str(photos),
        "size": 40,
        "bins": "10-20,30-40",
        "lpips_net": "squeeze",
        "device": "cpu",
        "weights": {"iid-net": str(weights)},
        "adapt": [4, 8],
        "adapt_options": {"steps": 3, "inpainters": ["telea"], "settings": {"learning_rate": 0.003}},
    }


@pytest.fixture(scope="module")
def adapted(options, tmp_path_factory):
    """A small one that the tests below only look at."""
    return safebench.run(**options, out=tmp_path_factory.mktemp("runs") / "adapted").stored


NAMES = ["iid-net", "iid-net@telea-4", "iid-net@telea-8"]


def test_before_and_after_are_ordinary_rows_of_all_inpainters(adapted):
    rows = adapted.detection
    assert set(rows["detector"]) == {"laplacian", *NAMES}
    assert (rows["error"] == "").all()
    counts = rows.groupby(["detector", "inpainter"]).size()
    for name in NAMES:
        assert counts[name].to_dict() == {"noise": 6, "original": 3, "telea": 6}
    maps = rows[rows["inpainter"] == "telea"].pivot_table(index="sample", columns="detector", values="auc")
    assert (maps[NAMES].nunique(axis=1) == 3).all(), "each has learned something else"
    reopened = open_run(adapted.folder)
    assert "iid-net@telea-8" in set(reopened.detection_cells["detector"])


def test_the_record_says_who_learned_what(adapted):
    said = adapted.record.detectors
    learned = said["iid-net@telea-8"].adapted
    assert (learned.detector, learned.inpainter, learned.pictures, learned.steps) == ("iid-net", "telea", 8, 3)
    assert said["iid-net"].adapted is None
    assert said["iid-net@telea-8"].seen_in_training.content == 0


def test_no_photo_is_on_both_sides_under_any_name(adapted):
    learning = open_run(adapted.folder / "adapt" / "learning")
    assert len(set(learning.samples["photo_name"])) == 4, "as many as eight pictures need"
    sides = [
        {_content(results.folder / name) for name in results.samples["original"]} for results in (learning, adapted)
    ]
    assert len(sides[0]) == 4
    assert len(sides[1]) == PHOTOS // 3
    assert not sides[0] & sides[1]
    with (adapted.folder / "adapt" / "split.csv").open() as file:
        listed = {row["photo"]: row["side"] for row in csv.DictReader(file)}
    assert listed["more/twin.bmp"] == listed["none.png"] == "neither"


def _content(path: Path) -> bytes:
    return read_photo(path).tobytes()


def test_photos_are_told_apart_by_their_pixels_alone(options, photos, tmp_path):
    config = make_config({**options, "out": str(tmp_path)})
    split = adapt_split.split_photos(config, Silent())
    assert not {*split.held_out} & {*split.learning}
    for k, path in enumerate(sorted(photos.glob("?.png"))):
        Image.open(path).save(tmp_path / f"renamed{9 - k}.tiff")
    other = adapt_split.split_photos(make_config({**options, "images": str(tmp_path)}), Silent())
    sides = [[s.contents[name] for name in s.held_out + s.learning] for s in (split, other)]
    assert sides[0] == sides[1]
    more = adapt_split.split_photos(make_config({**options, "adapt": [12]}), Silent())
    assert more.held_out == split.held_out
    assert more.learning[: len(split.learning)] == split.learning


class Notes(Silent):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, sentence: str) -> None:
        self.sentences.append(sentence)


def _like_a_photo(seed: int) -> Image.Image:
    """With the spectrum of one: the amplitude falls as the frequency grows."""
    noise = np.fft.rfft2(np.random.default_rng(seed).normal(size=(96, 128)))
    frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(128)[None])
    grey = np.fft.irfft2(noise / np.maximum(frequency, 1 / 96), (96, 128))
    grey = 128 + 40 * (grey - grey.mean()) / grey.std()
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")


def test_a_photo_that_is_saved_anew_is_on_neither_side(options, tmp_path):
    for k in range(PHOTOS):
        _like_a_photo(k).save(tmp_path / f"{k}.png")
    image = _like_a_photo(3)
    image.save(tmp_path / "0-compressed.jpg", quality=60)
    image.resize((image.width * 9 // 10, image.height * 9 // 10)).save(tmp_path / "0-smaller.png")
    notes = Notes()
    split = adapt_split.split_photos(make_config({**options, "images": str(tmp_path)}), notes)
    several = {"3.png", "0-compressed.jpg", "0-smaller.png"}
    taken = several & {*split.held_out, *split.learning}
    assert len(taken) <= 1
    left_out = {sentence.partition(":")[0]: sentence for sentence in notes.sentences}
    assert len(several & set(left_out)) == 2
    assert "0-smaller.png" in left_out, "the largest takes part"
    for name in several & set(left_out):
        [kept] = several - set(left_out)
        assert left_out[name] == (
            f"{name}: shows the same photo as {kept} (saved anew: compressed or resized), and is left out"
        )


def test_its_own_lists_are_no_option_that_was_given(options, tmp_path):
    small = {**options, "adapt": [2], "detectors": ["iid-net"], "inpainters": ["telea"], "bins": "20-30"}
    notes = Notes()
    given = tmp_path / "unwanted.txt"
    given.write_text("7.png\n")
    for config in (small, {**small, "exclude": str(given)}):
        notes.sentences.clear()
        execute(make_config({**config, "out": str(tmp_path / f"run{config is small}")}), notes)
        told = [sentence for sentence in notes.sentences if "--exclude" in sentence]
        assert told == ([] if config is small else [f"--exclude {given}: 1 photos are left out"])


def test_the_same_command_again_makes_nothing_and_another_budget_adds_to_it(options, adapted):
    before = {path: path.stat().st_mtime_ns for path in adapted.folder.rglob("*.safetensors")}
    more = safebench.run(**{**options, "adapt": [4, 8, 12]}, out=adapted.folder).stored
    assert {path: path.stat().st_mtime_ns for path in before} == before
    same = more.detection[more.detection["detector"].isin([*NAMES, "laplacian"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, adapted.detection.reset_index(drop=True))
    assert "iid-net@telea-12" in set(more.detection["detector"])
    with pytest.raises(StoreError, match=r"was begun otherwise .*seed was 0, now 1"):
        safebench.run(**{**options, "seed": 1}, out=adapted.folder)


def test_a_suite_makes_the_whole_matrix_of_those_that_can_learn(options, adapted, tmp_path):
    suite = tmp_path / "suite.toml"
    suite.write_text(
        f"""
inpainters = ["telea", "noise"]
detectors = ["laplacian", "iid-net"]
images = "{options["images"]}"
size = 40
bins = "10-20,30-40"
lpips-net = "squeeze"
device = "cpu"
adapt = [4, 8]
out = "{adapted.folder}"
weights = {{ iid-net = "{options["weights"]["iid-net"]}" }}
adapt-options = {{ steps = 3, inpainters = ["telea"], settings = {{ learning_rate = 0.003 }} }}
""",
        "utf-8",
    )
    assert make_config({}, suite) == make_config({**options, "out": str(adapted.folder)})
    whole = make_config({"adapt_options": {"steps": 3}, "inpainters": ["telea", "criminisi", "noise"]}, suite)
    learnings, teachers, detectors = planned(whole, Silent())
    assert [spec.label for spec in teachers] == ["telea", "criminisi"], "a control teaches nobody"
    assert [spec.label for spec in detectors] == ["laplacian", "iid-net"]
    assert [one.label for one in learnings] == [
        *("iid-net@telea-4", "iid-net@telea-8"), *("iid-net@criminisi-4", "iid-net@criminisi-8")
    ]  # fmt: skip


WRONG = [
    ({"adapt": [2]}, ConfigError, "has to be at least 3"),
    ({"adapt": [4, 4]}, ConfigError, "each once"),
    ({"adapt": [100]}, DataError, "12 different photos are too few: 4 are held out, .* give 16 pictures"),
    ({"adapt_options": {"held_out": 11}}, DataError, "too few"),
    ({"adapt_options": {"settings": {"width": 16}}}, ConfigError, "--set width=.*cannot be chosen here; every_filter"),
    ({"adapt_options": {"settings": {"learning_rate": "fast"}}}, ConfigError, "--learning-rate fast: has to be a num"),
    ({"adapt_options": {"inpainters": ["lama"]}}, ConfigError, "lama is none of the run's inpainters"),
    ({"detectors": ["laplacian"], "weights": {}}, ConfigError, "laplacian: has no recipe"),
    ({"detectors": []}, SafebenchError, "no model of that name takes part|no detector can learn"),
    ({"inpainters": ["copy"], "adapt_options": {}}, ConfigError, "no inpainter is named to learn from"),
    ({"images": "sample"}, DataError, "crops of 6 photos"),
    ({"size": "native"}, ConfigError, "needs pictures of one size"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error", "told"), WRONG)
def test_what_cannot_be_is_told_before_anything_is_made(options, changed, error, told, tmp_path):
    with pytest.raises(error, match=told):
        safebench.run(**{**options, **changed}, out=tmp_path / "run")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"]


KILLED = """
import itertools, json, os, signal, sys
import safebench

sync, count, last = os.fsync, itertools.count(1), int(sys.argv[1])

def counted(descriptor):
    if next(count) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(descriptor)

os.fsync = counted
safebench.run(**json.loads(sys.argv[2]))
"""
"""A run that is killed at its so-manieth call of fsync.  0: not killed."""


@pytest.mark.slow
def test_killed_anywhere_it_goes_on_and_ends_with_the_same_tables(options, tmp_path):
    small = {**options, "adapt": [2], "detectors": ["iid-net"], "inpainters": ["telea"], "bins": "20-30"}
    killed, whole = str(tmp_path / "killed"), str(tmp_path / "whole")
    # while it fills holes to learn from, between two checkpoints of the training, while detectors look
    jobs = [(whole, 0), (killed, 20), (killed, 34), (killed, 60), (killed, 0)]
    for folder, last in jobs:
        arguments = ["-c", str(last), json.dumps({**small, "out": folder})]
        done = run_forked(KILLED, tmp_path, {"OMP_NUM_THREADS": "1"}, arguments)
        assert done.returncode == (-signal.SIGKILL if last else 0), done.stderr
    results = [open_run(folder) for folder in (killed, whole)]
    for table in ("quality", "detection", "detection_cells", "false_alarms"):
        pd.testing.assert_frame_equal(*(getattr(one, table) for one in results))
    products = [
        Path(folder, "adapt/trainings/iid-net_telea-2/iid-net.safetensors").read_bytes() for folder in (killed, whole)
    ]
    assert products[0] == products[1]


@pytest.mark.slow
def test_array_jobs_make_the_same_matrix(options, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    monkeypatch.chdir(tmp_path)
    small = {**options, "adapt": [2], "detectors": ["iid-net"], "inpainters": ["telea"], "bins": "20-30"}
    jobs: dict[str, Any] = {
        "engine": "slurm",
        "workers": 1,
        "slurm": {"cluster": "local", "folder": "jobs", "timeout_min": "60"},
    }
    local = safebench.run(**small, out="a").stored
    elsewhere = safebench.run(**small, **jobs, out="b").stored
    for table in ("quality", "detection", "detection_cells", "false_alarms"):
        pd.testing.assert_frame_equal(*(getattr(one, table) for one in (local, elsewhere)))
    assert len(list(Path("jobs").glob("*_log.out"))) >= 4, "jobs filled holes on both sides, and looked"
