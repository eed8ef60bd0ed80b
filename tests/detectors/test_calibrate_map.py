"""Calibration of what a training made: few untouched photos are flagged, and no map loses its order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safebench_detectors import _calibrate_map as calibrate
from safetensors.torch import save_file

from safebench.errors import ConfigError
from safebench.inputs.images import read_photo, save_png, to_square
from safebench.models import calling, registry
from safebench.testing import inputs
from safebench.weights.read.checkpoints import load_metadata, load_state

METADATA = {"step": "3", "photos": "0123456789abcdef 0123456789abcdef\n", "sets": "bsds500"}


@pytest.fixture
def folder(tmp_path):
    for number, image in enumerate(inputs.photos(12, (64, 64))):
        save_png(tmp_path / "photos" / f"{number}.png", image)
    return tmp_path


def _trained(path, name, **options):
    torch.manual_seed(0)
    entry = registry.find("recipes", name)[0]
    recipe = entry.load_class()
    network = recipe(entry.card, recipe.Config(inpainters=("noise",), **options)).build()["network"]
    state = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, path, METADATA)
    return recipe


@pytest.mark.parametrize(("name", "width", "entry"), [("iid-net", 16, 0), ("hp-fcn", 4, 1)])
def test_few_untouched_photos_are_flagged_afterwards(folder, monkeypatch, capsys, name, width, entry):
    recipe = _trained(folder / "a.safetensors", name, width=width)
    (folder / "out").mkdir()
    earlier = "00000000000000ff 00000000000000ff\n"  # of the training from which this one began
    (folder / "out" / "photos.txt").write_text(earlier)
    out = folder / "out" / "b.safetensors"
    words = [name, str(folder / "a.safetensors"), str(folder / "photos"), "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["calibrate", *words])
    calibrate.main()
    assert capsys.readouterr().out.endswith("from 24 views of photos\n")
    assert load_metadata(out) == {"step": "3"}
    assert (folder / "out" / "photos.txt").read_text() == earlier + METADATA["photos"]
    before, after = load_state(folder / "a.safetensors"), load_state(out)
    assert [key for key in before if not torch.equal(before[key], after[key])] == [recipe.last_bias]
    assert torch.equal(*(state[recipe.last_bias][:entry] for state in (before, after)))
    detectors = [calling.load_detector(name, weights=path, device="cpu") for path in (folder / "a.safetensors", out)]
    views = list(calibrate.views([str(folder / "photos")]))
    assert len(views) == 24
    np.testing.assert_array_equal(views[2], to_square(read_photo(folder / "photos" / "1.png"), 256))
    wider = list(calibrate.views([str(folder / "photos")], histories=True))
    assert len(wider) == 60
    np.testing.assert_array_equal(wider[6], views[3])  # more views change none of the others
    scores = np.concatenate([calling.detect(detectors[1], view[None]).scores for view in views])
    assert np.quantile(scores, 1 - calibrate.FALSE_ALARMS) == pytest.approx(0.5, abs=2e-3)
    maps = [calling.detect(detector, views[0][None]).maps[0].ravel() for detector in detectors]
    assert (np.diff(maps[1][np.argsort(maps[0], kind="stable")]) > -1e-6).all()  # float32 rounds


def test_a_mistake_is_told_in_a_sentence(folder, monkeypatch, capsys):
    for name, words in (
        ("edgeconnect", "edgeconnect is not trained to make a map"),
        ("telea", "no recipe is called 'telea'"),
        ("iid-net", "no.safetensors"),
    ):
        arguments = [name, str(folder / "no.safetensors"), str(folder), "--out", str(folder / "out.safetensors")]
        monkeypatch.setattr("sys.argv", ["calibrate", *arguments])
        with pytest.raises(SystemExit):
            calibrate.main()
        assert words in capsys.readouterr().err
    assert not (folder / "out.safetensors").exists()


def test_a_share_that_is_none_is_told(folder):
    with pytest.raises(ConfigError, match="--share 2: has to lie between 0 and 1"):
        calibrate.calibrate("iid-net", folder / "a.safetensors", [str(folder)], folder / "out.safetensors", 2)
