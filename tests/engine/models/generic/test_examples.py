"""The worked examples of docs/exchange, each against a stand-in that behaves like the original's command line."""

from __future__ import annotations

import argparse
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import safebench
from safebench.models.specs import participant

ROOT = Path(__file__).resolve().parents[4]
STAND_INS = Path(__file__).parent / "stand_ins"
MASKCLIP = "weights/MaskCLIP_sd15_20241103_17_45_16.pth"
OPTIONS: dict[str, Any] = {"images": "sample", "size": 64, "limit": 3, "bins": "20-30", "lpips_net": "squeeze"}


def program(place: Path, script: str) -> None:
    """A program that runs a stand-in."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_INS / script}" "$@"\n')
    place.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the examples ask for it, with stand-ins for what is installed there."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    place = tmp_path / "model"
    shutil.copytree(ROOT / "docs" / "exchange", place)
    names = ("models", "flist", "demo", "utils", "center", "networks", "segment_anything", "ForensicsEval/data")
    for name in ("model", *names):
        (place / name).mkdir(parents=True)
    for name in ("inputs", "outputs_binary"):
        (place / "ForensicsEval" / name).mkdir()
        (place / "ForensicsEval" / name / "safire_example.png").write_bytes(b"an example that comes with it")
    weights = [
        "weights/trufor.pth.tar",
        "checkpoint.pth",
        "config.py",
        "data_core.py",
        "trufor.yaml",
        "requirements.lock",
        "weights/FOCAL_ViT_weights.pth",
        "weights/FOCAL_HRNet_weights.pth",
        "losses.py",
        "safire.pth",
        "sam_vit_b_01ec64.pth",
        "forgery_data_core.py",
        "ForensicsEval/project_config.py",
        "environment.lock",
        "weights/mae_pretrain_vit_base.pth",
    ]
    cache = [home / ".cache/torch/hub/checkpoints/big-lama.pt", home / ".cache/clip/ViT-L-14.pt"]
    for file in (*(place / name for name in weights), *cache):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"weights")
    shutil.copy(STAND_INS / "trufor.py", place / "trufor_test.py")
    shutil.copy(STAND_INS / "save_images.py", place / "test_save_images.py")
    shutil.copy(STAND_INS / "focal.py", place / "main.py")
    shutil.copy(STAND_INS / "safire.py", place / "infer_binary.py")
    shutil.copy(STAND_INS / "hifi.py", place / "HiFi_Net.py")
    shutil.copy(STAND_INS / "maskclip.py", place / "model" / "MaskCLIP.py")
    training = {"model": {"logit": torch.tensor(2.0)}, "epoch": 16, "args": argparse.Namespace(lr=1e-4)}
    torch.save(training, place / MASKCLIP)
    program(place / "venv/bin/torchrun", "torchrun.py")
    program(place / "venv/bin/iopaint", "iopaint.py")
    (place / "venv/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (place / "venv/bin/python").chmod(0o755)
    return place


def test_every_example_is_tried_here():
    detectors = {"trufor.toml", "imdl-benco.toml", "focal.toml", "safire.toml", "hifi.toml", "maskclip.toml"}
    inpainters = {"iopaint.toml", "brushnet.toml", "powerpaint.toml"}
    assert {path.name for path in (ROOT / "docs" / "exchange").glob("*.toml")} == detectors | inpainters


@pytest.mark.parametrize("name", ["trufor", "imdl-benco", "focal", "safire", "hifi", "maskclip"])
def test_a_detector_by_its_authors_script(folder, tmp_path, name):
    options: dict[str, Any] = {
        "detectors": [f"their-{name}=command:{folder / name}.toml"],
        "keep_maps": True,
        "device": "cpu",
    }
    run = safebench.run(inpainters=["telea"], out=tmp_path / "r", **options, **OPTIONS)
    assert not len(run.failures)
    assert (len(run.detection), len(run.originals)) == (3, 3)
    assert run.detection["score"].between(0, 1).all()
    assert (run.detection["confidence"] != "").all() == (name == "trufor")
    if name == "hifi":
        assert (run.detection["score"] == 0.75).all()


def test_scores_of_a_model_that_has_them(folder, tmp_path):
    file = folder / "imdl-benco.toml"
    text = file.read_text()
    options: dict[str, Any] = {"detectors": [f"m=command:{file}"], "device": "cpu"}
    plain = safebench.run(inpainters=["telea"], out=tmp_path / "r", **options, **OPTIONS)
    file.write_text(text.replace("# [maps]", "[maps]").replace("# scores =", "scores ="))
    assert file.read_text() != text
    scored = safebench.run(inpainters=["telea"], out=tmp_path / "r", **options, **OPTIONS)
    assert not len(scored.failures)
    assert (scored.detection["score"] < plain.detection["score"]).all(), "the mean of a map is below that of its top"


def test_maps_and_scores_of_maskclip(folder, tmp_path):
    options: dict[str, Any] = {"detectors": [f"m=command:{folder}/maskclip.toml"], "keep_maps": True, "device": "cpu"}
    run = safebench.run(inpainters=["telea"], out=tmp_path / "r", **options, **OPTIONS)
    np.testing.assert_allclose(run.detection["score"], 1 / (1 + np.exp(-2)), rtol=1e-6)
    for name, shown in run.detection[["map", "sample"]].itertuples(index=False):
        (path,) = (tmp_path / "r/composites/telea").glob(f"{shown}*.png")
        with Image.open(tmp_path / "r" / name) as file, Image.open(path) as picture:
            far = np.abs(np.asarray(file) / 65535 - np.asarray(picture)[..., 1] / 255)
        assert far.max() < 0.1, "bilinear, up to 512 pixels and back, is all that lies between"


def test_a_checkpoint_of_maskclip_runs_no_code(folder, tmp_path):
    class Planted:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"model": {}, "args": Planted()}, folder / MASKCLIP, pickle_module=pickle)
    options: dict[str, Any] = {"detectors": [f"m=command:{folder}/maskclip.toml"], "device": "cpu"}
    run = safebench.run(inpainters=["telea"], out=tmp_path / "r", **options, **OPTIONS)
    assert len(run.failures)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["iopaint", "brushnet", "powerpaint"])
def test_an_inpainter_by_a_batch_command(folder, tmp_path, name):
    options: dict[str, Any] = {"device": "cpu", "assembly": ["spliced", "regenerated"]}
    run = safebench.run(
        inpainters=[f"their-{name}=command:{folder}/{name}.toml"], out=tmp_path / "r", **options, **OPTIONS
    )
    assert not len(run.failures)
    assert (run.quality["known_changed"] == 0).all()
    spliced, regenerated = (run.quality[run.quality["assembly"] == name] for name in options["assembly"])
    np.testing.assert_array_equal(spliced["psnr"], regenerated["psnr"])


@pytest.mark.parametrize(
    ("name", "kind"), [("trufor", "detectors"), ("imdl-benco", "detectors"), ("iopaint", "inpainters")]
)
def test_weights_environment_and_program_are_its_identity(folder, name, kind):
    def identity() -> str:
        return participant(kind, f"command:{folder / name}.toml").identity

    before = identity()
    (folder / "requirements.lock").write_bytes(b"other versions")
    assert identity() != before


@pytest.mark.parametrize("name", ["brushnet", "powerpaint"])
def test_the_prompt_is_part_of_its_identity(folder, name):
    before = participant("inpainters", f"command:{folder / name}.toml").identity
    settings = folder / f"{name}.json"
    settings.write_text(settings.read_text().replace('"prompt": ""', '"prompt": "a dog"'))
    assert participant("inpainters", f"command:{folder / name}.toml").identity != before
