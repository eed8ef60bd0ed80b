"""Noiseprint of 2019: the authors' numbers on made-up weights, a file's quality, and the checkpoints it refuses."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from safebench_detectors.noiseprint_2019.heat_map import heat_map, usable_pixels
from safebench_detectors.noiseprint_2019.network import Noiseprint, as_torch, quality_of

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import fit
from safebench.weights.read.tensorflow import load_bundle

GOLDEN = Path(__file__).parent / "golden" / "noiseprint-2019.npz"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZE = (200, 224)


def script(name):
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(BENCHMARKS)
        return SimpleNamespace(**runpy.run_path(str(BENCHMARKS / name)))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    script("made_up_noiseprint.py").write_networks(folder)
    return folder


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_detector("noiseprint-2019", weights=checkpoint, device="cpu")


@pytest.fixture(scope="module")
def recipe():
    return script("golden_noiseprint.py")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as held:
        return dict(held)


@pytest.mark.slow
class TestContract(DetectorContract):
    name = "noiseprint-2019"
    batch = 2

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """With 163x190 pixels there are 96 windows, so that there is a map."""
        monkeypatch.setattr(self, "_load", lambda *_: model)


def test_draws_the_authors_noiseprint(model, recipe, golden):
    picture = torch.from_numpy(recipe.luminance(recipe.SIZE))[None, None]
    with torch.inference_mode():
        drawn = model._networks[90 - 51](picture)[0, 0].numpy()
    np.testing.assert_allclose(drawn, golden["noiseprint"], atol=3e-4, rtol=0)
    assert golden["noiseprint"].std() > 0.1, "a noiseprint without anything in it compares nothing"


def test_makes_the_authors_heat_map(recipe, golden):
    drawn = recipe.drawn_noiseprint()
    heat = heat_map(drawn, np.full(drawn.shape, 0.5, np.float32), seed=0)
    distances = np.sqrt(golden["heat"])
    expected = distances / (distances + heat.limit)
    np.testing.assert_allclose(heat.of_pixels(*drawn.shape)[:: recipe.STEP, :: recipe.STEP], expected, atol=1e-5)
    left, right = expected[:, :20], expected[:, 30:]
    assert (left < 0.5).mean() > 0.4, "what is alike belongs together"
    assert right.mean() > left.mean() + 0.3, "tiles are what does not belong"


def test_a_files_quality_is_the_authors_and_libjpegs(recipe, golden, tmp_path):
    qualities = []
    for quality in recipe.QUALITIES:
        Image.new("L", (16, 16)).save(tmp_path / "x.jpg", quality=quality)
        qualities.append(quality_of(np.array(JpegImageFile(tmp_path / "x.jpg").quantization[0]).reshape(8, 8)))
    assert qualities == list(golden["qualities"])
    assert qualities[2:] == list(recipe.QUALITIES[2:]), "below 50 the authors' formula is one too high, or more"


def test_a_file_is_shown_to_the_network_of_its_quality(model, tmp_path):
    photo = inputs.photos(1, SIZE)[0]
    seen = []
    handles = [
        network.register_forward_hook(lambda *_, quality=quality: seen.append(quality))
        for quality, network in enumerate(model._networks, start=51)
    ]
    for name, quality in (("a.png", 90), ("b.jpg", 90), ("c.jpg", 72), ("d.webp", 90)):
        Image.fromarray(photo).save(tmp_path / name, quality=quality)
        calling.detect(model, photo[None], [tmp_path / name])
    Image.fromarray(photo).save(tmp_path / "e.jpg", quality=30)
    with pytest.warns(UserWarning, match=r"no network for JPEG qualities below 51.*e\.jpg, 31"):
        calling.detect(model, photo[None], [tmp_path / "e.jpg"])
    for handle in handles:
        handle.remove()
    assert seen == [101, 90, 72, 101, 51]


def test_a_turned_file_is_seen_as_it_lies_and_its_map_is_turned(model, tmp_path):
    photo = inputs.photos(1, SIZE)[0]
    Image.fromarray(photo).save(tmp_path / "lying.jpg", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(photo).save(tmp_path / "turned.jpg", quality=90, exif=exif)
    lying = calling.detect(model, photo[None], [tmp_path / "lying.jpg"]).maps[0]
    turned = calling.detect(model, np.rot90(photo, -1)[None].copy(), [tmp_path / "turned.jpg"]).maps[0]
    assert lying.any()
    np.testing.assert_array_equal(turned, np.rot90(lying, -1))


def test_saturated_areas_flat_ones_and_the_edge_do_not_count():
    noise = np.random.default_rng(0).normal(0, 0.5, (200, 200)).astype(np.float32)
    light = np.full(noise.shape, 0.5, np.float32)
    light[100:107, 100:107] = 1
    noise[40:46, 140:146] = 0
    usable = usable_pixels(noise, light)
    assert not usable[103, 84:123].any()
    assert not usable[42, 125:161].any()
    assert not usable[:18].any()
    assert usable[19:80, 19:80].all()


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_windows_without_anything_say_nothing(level):
    assert heat_map(np.zeros(SIZE, np.float32), np.full(SIZE, level, np.float32), seed=0) is None


def test_refuses_what_does_not_fit(checkpoint):
    state = as_torch(load_bundle(checkpoint / "net_jpg90" / "model.index"))
    skip = ("corr_", "global_step")
    with pytest.raises(WeightsError, match=r"missing \(4\.running_mean|missing \(3\.running_mean"):
        fit(Noiseprint(), {k: v for k, v in state.items() if k != "3.running_mean"}, "x", skip=skip)
    with pytest.raises(WeightsError, match=r"unexpected \(level_17/conv/kernel\)"):
        fit(Noiseprint(), {**state, "level_17/conv/kernel": torch.zeros(1)}, "x", skip=skip)
    with pytest.raises(WeightsError, match=r"misshapen \(0\.weight: \[64, 3, 3, 3\], not \[64, 1, 3, 3\]\)"):
        fit(Noiseprint(), {**state, "0.weight": torch.zeros(64, 3, 3, 3)}, "x", skip=skip)


def test_a_damaged_network_among_the_51_is_named(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "nets", copy_function=lambda a, b: Path(b).hardlink_to(a))
    (folder / "net_jpg77" / "model.index").unlink()
    (folder / "net_jpg77" / "model.index").write_bytes(b"\x80\x02cos\nsystem\n")
    with pytest.raises(WeightsError, match=r"net_jpg77.model\.index: is damaged"):
        load_detector("noiseprint-2019", weights=folder, device="cpu")


def test_a_folder_without_the_networks_is_refused_in_a_short_sentence(tmp_path):
    with pytest.raises(WeightsError, match="has to be the folder that holds") as error:
        load_detector("noiseprint-2019", weights=tmp_path, device="cpu")
    assert len(str(error.value)) < 400
