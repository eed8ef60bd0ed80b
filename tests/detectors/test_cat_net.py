"""CAT-Net v2: the authors' map on drawn weights, what it reads of JPEG files, and the checkpoints that it refuses."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from scipy.fft import idctn

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import fit, load_state

pytest.importorskip("jpeglib", reason="the extra jpeg")
SIZE = (45, 70)
FILES: dict[str, dict[str, Any]] = {
    "4:2:0": {"quality": 75},
    "4:2:2": {"quality": 50, "subsampling": 1},
    "4:4:4": {"quality": 90, "subsampling": 0},
    "progressive": {"quality": 30, "progressive": True},
    "gray": {"quality": 80},
}


@pytest.fixture(scope="module")
def checkpoint(drawn):
    return drawn("cat-net")


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_detector("cat-net", weights=checkpoint, device="cpu")


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, SIZE)[0]


class TestContract(DetectorContract):
    name = "cat-net"
    batch = 2

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """Its 114 million numbers take longer to read than to be looked at with."""
        monkeypatch.setattr(self, "_load", lambda *_: model)


def test_computes_what_the_authors_code_computes(model, golden_map):
    golden_map(model)


@pytest.mark.parametrize("kind", FILES)
def test_reads_the_coefficients_that_the_pixels_are_decoded_from(tmp_path: Path, photo, kind):
    from safebench_detectors.cat_net.coding import of_file

    path = tmp_path / "x.jpg"
    image = Image.fromarray(photo)
    (image.convert("L") if kind == "gray" else image).save(path, **FILES[kind])
    coded, was_jpeg = of_file(path)
    assert was_jpeg
    assert coded.colours.shape == (*SIZE, 3)
    assert coded.coefficients.shape == (48, 72)
    blocks = coded.coefficients.reshape(6, 8, 9, 8).transpose(0, 2, 1, 3) * coded.table.astype(float)
    levels = idctn(blocks, axes=(2, 3), norm="ortho").transpose(0, 2, 1, 3).reshape(48, 72) + 128
    decoded = JpegImageFile(path)
    decoded.draft("L", decoded.size)
    np.testing.assert_allclose(np.clip(levels[: SIZE[0], : SIZE[1]], 0, 255), np.asarray(decoded), atol=1)


def test_how_a_picture_is_coded_changes_the_map(model, tmp_path: Path, photo):
    """The same pixels in the file that they were decoded from, and in a PNG."""
    Image.fromarray(photo).save(tmp_path / "x.jpg", quality=60)
    pixels = np.asarray(Image.open(tmp_path / "x.jpg"))
    Image.fromarray(pixels).save(tmp_path / "x.png")
    coded, anew = (calling.detect(model, pixels[None], [tmp_path / name]).maps for name in ("x.jpg", "x.png"))
    assert np.abs(coded - anew).max() > 0.01


def test_a_picture_that_is_no_jpeg_is_compressed_first_and_that_is_told_once(model, monkeypatch, tmp_path, photo):
    monkeypatch.setattr(model, "_told", False)
    Image.fromarray(photo).save(tmp_path / "x.png")
    Image.fromarray(photo).convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(photo).save(tmp_path / "x.jpg", quality=100, subsampling=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        of_png = model.detect_files([tmp_path / "x.png", tmp_path / "cmyk.jpg"]).maps[0]
        model.detect_files([tmp_path / "x.png"])
    [said] = [str(warning.message) for warning in told if "no JPEG" in str(warning.message)]
    assert said.startswith("cat-net reads how a JPEG file is coded: pictures that are no JPEG were brought to one of")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.testing.assert_close(of_png, model.detect_files([tmp_path / "x.jpg"]).maps[0])


def test_the_map_is_turned_as_the_picture_is(model, tmp_path: Path, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo).save(tmp_path / "x.jpg")
    Image.fromarray(photo).save(tmp_path / "turned.jpg", exif=exif)
    straight, turned = (model.detect_files([tmp_path / name]).maps[0] for name in ("x.jpg", "turned.jpg"))
    torch.testing.assert_close(turned, straight.rot90(-1))


def test_refuses_what_does_not_fit(model, checkpoint: Path):
    state = load_state(checkpoint)["state_dict"]

    def refusal(held):
        with pytest.raises(WeightsError) as caught:
            fit(model._network, held, "CAT_full_v2.pth.tar")
        return str(caught.value)

    dct_only = {key: value for key, value in state.items() if key.startswith("dc_")}
    assert "missing (conv1.weight, bn1.weight" in refusal(dct_only)
    assert "unexpected (more)" in refusal({**state, "more": torch.zeros(1)})
    wide = torch.zeros(64, 4, 3, 3)
    assert "misshapen (conv1.weight: [64, 4, 3, 3], not [64, 3, 3, 3])" in refusal({**state, "conv1.weight": wide})


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(refuses_code):
    refuses_code("cat-net", lambda held: {"state_dict": {"conv1.weight": held}, "epoch": 1})


def test_without_weights_it_says_where_they_are():
    with pytest.raises(WeightsError, match=r"CAT_full_v2.pth.tar.*drive.google.com/drive/folders"):
        load_detector("cat-net", device="cpu")
