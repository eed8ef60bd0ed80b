"""The control whose trace is an autoencoder's alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import safebench
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.models.masked_image import MaskedImage
from safebench.models.specs import participant
from safebench.testing import InpainterContract, inputs


class TestContract(InpainterContract):
    name = "autoencoder-copy"

    @pytest.fixture(autouse=True)
    def _use_folder(self, tiny_autoencoder: Path) -> None:
        self.weights = tiny_autoencoder


def test_it_gives_what_the_post_processing_gives_of_the_whole_photo(tiny_autoencoder: Path) -> None:
    photos, holes = inputs.photos(1, (66, 75)), inputs.holes(1, (66, 75))
    model = calling.load_inpainter(f"autoencoder-copy:{tiny_autoencoder}", device="cpu")
    copied = calling.inpaint(model, photos, holes)
    step = participant("postprocessing", f"vae:{tiny_autoencoder}").load("cpu")
    made = calling.postprocess(step, MaskedImage(photos[0], None))
    np.testing.assert_array_equal(np.rint(copied[0] * 255), made.pixels)


def test_the_published_autoencoder_gives_back_what_the_hole_hides(shared: Path) -> None:
    model = calling.load_inpainter(f"autoencoder-copy:{shared / 'weights' / 'taesd'}", device="cpu")
    photos, holes = inputs.photos(1, (64, 80)), inputs.holes(1, (64, 80))
    error = (calling.inpaint(model, photos, holes) - photos / 255.0)[holes]
    assert 10 * np.log10(1 / (error**2).mean()) > 20


def test_hole_or_whole(tiny_autoencoder: Path, tmp_path: Path) -> None:
    results = safebench.run(
        inpainters=[f"decoder=autoencoder-copy:{tiny_autoencoder}"],
        bins="20-30",
        limit=1,
        size=64,
        assembly=["spliced", "regenerated"],
        out=str(tmp_path / "run"),
    )
    changed = results.quality.set_index("assembly")["known_changed"]
    assert changed["spliced"] == 0 < changed["regenerated"]
    assert results.record.inpainters["decoder"].family == "control"


def test_what_is_no_autoencoder_is_told_in_a_sentence(tiny_autoencoder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="say which model, as autoencoder-copy:OWNER/MODEL"):
        participant("inpainters", "autoencoder-copy")
    (tmp_path / "made_up_encoder.pth").write_bytes(b"not a checkpoint")
    (tmp_path / "made_up_decoder.pth").write_bytes((tiny_autoencoder / "made_up_decoder.pth").read_bytes())
    with pytest.raises(WeightsError, match=r"made_up_encoder\.pth"):
        calling.load_inpainter(f"autoencoder-copy:{tmp_path}")
