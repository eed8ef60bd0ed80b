"""The HP-FCN that ships: small, named as what it is, and worth its place."""

from __future__ import annotations

import pytest
import torch

from safebench.inputs.photos import open_photos
from safebench.models.registry import find
from safebench.models.specs import participant
from safebench.models.training_photos import training_photos
from safebench.runs.record import model_record
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import load_metadata, load_state


class TestContract(DetectorContract):
    name = "hp-fcn"


@pytest.fixture
def shipped():
    entry = find("detectors", "hp-fcn")[0]
    return entry.folder / entry.card.weights[0].shipped


def test_it_is_small_and_says_how_it_was_made(shipped):
    assert shipped.stat().st_size <= 8_000_000
    assert {value.dtype for value in load_state(shipped).values()} == {torch.float16, torch.int64}
    metadata = load_metadata(shipped)
    assert metadata["model"] == "hp-fcn"
    assert not {"photos", "sets"} & set(metadata)


def test_it_runs_with_no_download_and_knows_its_training_photos(shared):
    spec = participant("detectors", "hp-fcn", fetch=False)
    assert model_record(spec).weights_origin == "shipped"
    seen = training_photos(spec)
    assert seen is not None
    for folder, found in (("bsds500/train", True), ("bsds500/val", False)):
        photo = open_photos(str(shared / "data" / folder)).photos()[0]
        assert bool(seen.among([(photo.name, photo.fingerprint())]).content) is found


@pytest.mark.slow
def test_it_finds_filled_holes_in_real_photos_and_leaves_others_alone(on_val):
    least = {"telea": 0.9, "biharmonic": 0.9, "safepaint": 0.9}  # the second was not trained on
    spared, aucs = on_val("hp-fcn", *least)
    assert spared >= 0.8
    assert all(aucs[inpainter] > auc for inpainter, auc in least.items()), aucs


@pytest.mark.slow
def test_it_finds_them_after_compression_too(on_val):
    spared, aucs = on_val("hp-fcn", "telea", "biharmonic", "safepaint", quality=85)
    assert spared >= 0.8
    assert min(aucs.values()) > 0.75, aucs
