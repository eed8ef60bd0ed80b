"""The IID-Net that ships: used where the authors' weights are not, and named as what it is."""

from __future__ import annotations

import pytest
import torch
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.commands.single import detect_file
from safebench.inputs.images import save_png
from safebench.models.registry import find
from safebench.models.specs import participant
from safebench.models.weights import cached_path
from safebench.runs.record import model_record
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import load_metadata, load_state


class TestContract(DetectorContract):
    name = "iid-net"


@pytest.fixture
def entry():
    return find("detectors", "iid-net")[0]


def test_it_is_used_until_the_published_weights_are_there(entry, rebuilt, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path))
    ours = participant("detectors", "IID-Net", fetch=False)
    assert model_record(ours).weights_origin == "shipped"
    place = cached_path(entry, entry.card.weights[0])
    place.parent.mkdir(parents=True)
    place.symlink_to(rebuilt("iid_net") / "IID_weights.pth")
    theirs = participant("detectors", "iid-net", fetch=False)
    assert model_record(theirs).weights_origin == "published"
    assert theirs.identity != ours.identity


def test_one_image_is_told_whose_weights_judged_it(tmp_path, rebuilt):
    save_png(tmp_path / "photo.png", inputs.photos(1, (64, 64))[0])
    theirs = rebuilt("iid_net") / "IID_weights.pth"
    for weights, origin in ((None, "shipped"), (theirs, "user")):
        found = detect_file("iid-net", tmp_path / "photo.png", tmp_path / "map.png", weights=weights, device="cpu")
        assert found["weights_origin"] == origin
    said = CliRunner().invoke(
        app, ["detect", "--detector", "iid-net", "--image", f"{tmp_path}/photo.png", "--out", f"{tmp_path}/map.png"]
    )
    assert "weights trained by SafeBench, not by the authors" in said.stdout


def test_it_is_small_and_says_how_it_was_made(entry):
    path = entry.folder / entry.card.weights[0].shipped
    assert path.stat().st_size <= 8_000_000
    assert {value.dtype for value in load_state(path).values()} == {torch.float16, torch.int64}
    assert load_metadata(path)["model"] == "iid-net"


@pytest.mark.slow
def test_it_finds_filled_holes_in_real_photos_and_leaves_others_alone(on_val):
    least = {"telea": 0.85, "biharmonic": 0.75, "safepaint": 0.7}
    # the second was not trained on, of the third earlier states alone
    spared, aucs = on_val("iid-net", *least)
    assert spared >= 0.8
    assert all(aucs[inpainter] > auc for inpainter, auc in least.items()), aucs
