"""Pipelines of diffusers as inpainters."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import inputs

PHOTOS, HOLES = inputs.photos(2, (64, 72)), inputs.holes(2, (64, 72))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Stable Diffusion inpainting pipeline of a few thousand random weights."""
    diffusers = pytest.importorskip("diffusers", reason="needs the extra: pip install 'safebench[diffusers]'")
    transformers = pytest.importorskip("transformers", reason="needs the extra: pip install 'safebench[diffusers]'")
    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        sample_size=32,
        layers_per_block=1,
        block_out_channels=(4, 8),
        norm_num_groups=2,
        in_channels=9,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=2,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    )
    text = transformers.CLIPTextConfig(
        hidden_size=8,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
        vocab_size=4,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
    words = {"<|startoftext|>": 0, "!</w>": 1, "<|endoftext|>": 2, "!": 3}
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=text.max_position_embeddings
    )
    made = diffusers.StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=diffusers.DDIMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.save_pretrained(folder / "tiny", safe_serialization=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # thousands of tiny operations, which waiting threads only slow down
    yield folder / "tiny"
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_diffusers_is_seeded_for_each_image_and_never_sees_the_hole(pipeline: Path) -> None:
    model: Any = calling.load_inpainter(f"diffusers:{pipeline}", seed=5)
    assert model.pipeline.safety_checker is None
    together = calling.inpaint(model, PHOTOS, HOLES)
    assert together.shape == (2, 64, 72, 3)
    np.testing.assert_allclose(together[1], calling.inpaint(model, PHOTOS[1:], HOLES[1:])[0], atol=1e-5)
    unseen = np.where(HOLES[..., None], 255 - PHOTOS, PHOTOS)
    np.testing.assert_array_equal(together[:1], calling.inpaint(model, unseen[:1], HOLES[:1]))
    other = calling.inpaint(calling.load_inpainter(f"diffusers:{pipeline}", seed=6), PHOTOS[:1], HOLES[:1])
    assert np.abs(other[0] - together[0]).max() > 0.05


def test_diffusers_runs_no_code_and_reads_no_pickle(pipeline: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pipeline, copy)
    (copy / "unet" / "my_unet.py").write_text("raise SystemExit('was run')")
    with pytest.raises(WeightsError, match="comes with code of its own, which is not run"):
        calling.load_inpainter(f"diffusers:{copy}")
    (copy / "unet" / "my_unet.py").unlink()
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "unet": ["antigravity", "Thing"]}))
    with pytest.raises(WeightsError, match="comes with code of its own"):
        calling.load_inpainter(f"diffusers:{copy}")
    assert "antigravity" not in sys.modules
    (copy / "model_index.json").write_text(json.dumps(index))
    (weights,) = (copy / "unet").glob("*.safetensors")
    torch.save({"a": torch.ones(1)}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(WeightsError, match="is no inpainting pipeline that diffusers can load"):
        calling.load_inpainter(f"diffusers:{copy}")
    (copy / "unet" / "x.safetensors.index.json").write_text('{"weight_map": {"a": "../../other.safetensors"}}')
    with pytest.raises(WeightsError, match=r"x\.safetensors\.index\.json: opens files of another folder"):
        calling.load_inpainter(f"diffusers:{copy}")
    (copy / "unet" / "x.safetensors.index.json").unlink()
    (tmp_path / "behind").mkdir()
    (tmp_path / "behind" / "a.py").write_text("raise SystemExit('was run')")
    (copy / "linked").symlink_to(tmp_path / "behind")
    with pytest.raises(WeightsError, match="comes with code of its own"):
        calling.load_inpainter(f"diffusers:{copy}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="holds no pipeline of diffusers"):
        calling.load_inpainter(f"diffusers:{tmp_path / 'empty'}")
