"""Pictures through autoencoders: the published TAESD of FLUX.2, and folders of diffusers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from safebench.errors import WeightsError
from safebench.inputs.images import read_photo
from safebench.models import calling
from safebench.models.masked_image import MaskedImage
from safebench.models.specs import participant
from safebench.models.toolbox.tiny_autoencoder import build
from safebench.testing import PostProcessingContract, inputs


class TestTiny(PostProcessingContract):
    name = "vae"

    @pytest.fixture(autouse=True)
    def _arguments(self, tiny_autoencoder):
        self.arguments = (str(tiny_autoencoder),)


def vae(folder: Path):
    return participant("postprocessing", f"vae:{folder}").load("cpu")


def test_the_published_autoencoder_restores_photos_as_published(shared):
    step = vae(shared / "weights" / "taesd")
    for path in sorted((shared / "data" / "bsds500" / "val").glob("*.jpg"))[:2]:
        photo = read_photo(path)[:256, :200]
        made = calling.postprocess(step, MaskedImage(photo, None))
        assert made.pixels.shape == photo.shape
        error = ((made.pixels.astype(float) - photo) ** 2).mean()
        assert 24 < 10 * np.log10(255**2 / error) < 38, "its page says 26 to 37 dB of such photos"


def test_an_autoencoder_of_diffusers_gives_what_diffusers_gives(tmp_path):
    diffusers = pytest.importorskip("diffusers", reason="needs the extra: pip install 'safebench[diffusers]'")
    torch.manual_seed(0)
    model = diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    ).eval()
    model.save_pretrained(tmp_path / "kl")
    photo = inputs.photos(1, (64, 72))[0]
    made = calling.postprocess(vae(tmp_path / "kl"), MaskedImage(photo, None))
    with torch.inference_mode():
        levels = torch.from_numpy(photo).permute(2, 0, 1)[None] / 127.5 - 1
        wanted = model.decode(model.encode(levels).latent_dist.mode()).sample[0].permute(1, 2, 0) / 2 + 0.5
    np.testing.assert_allclose(made.pixels, wanted.clamp(0, 1).numpy() * 255, atol=0.51)


def test_what_is_no_autoencoder_is_told_in_a_sentence(tmp_path, tiny_autoencoder):
    with pytest.raises(WeightsError, match="say which model"):
        participant("postprocessing", "vae")
    with pytest.raises(WeightsError, match="holds no autoencoder"):
        vae(tmp_path)
    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    with pytest.raises(WeightsError, match="UNet2DModel"):
        vae(tmp_path)
    shutil.copy(tiny_autoencoder / "made_up_encoder.pth", tmp_path)
    with pytest.raises(WeightsError, match=r"made_up_decoder\.pth: is missing"):
        vae(tmp_path)
    state = torch.load(tiny_autoencoder / "made_up_encoder.pth", weights_only=True)
    with pytest.raises(WeightsError, match="decoder"):
        build(state, state, "mixed.pth")
