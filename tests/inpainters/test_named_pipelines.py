"""Pipelines that have a name here, each on a tiny one of its class: FLUX.1 Fill and Kandinsky 2.2, and their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safebench.errors import ConfigError, WeightsError
from safebench.models import calling, registry, weights
from safebench.testing import inputs
from safebench.weights.fetch import hub

from .tiny_text import clip_text, clip_tokenizer

PHOTOS, HOLES = inputs.photos(2, (66, 75)), inputs.holes(2, (66, 75))
NAMED = ("sd2-inpainting", "sdxl-inpainting", "flux-fill", "kandinsky-inpainting")

diffusers = pytest.importorskip("diffusers", reason="needs the extra: pip install 'safebench[diffusers]'")
transformers = pytest.importorskip("transformers", reason="needs the extra: pip install 'safebench[diffusers]'")


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FLUX.1 Fill: latents at the picture's own size, two by two to a token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    folder = tmp_path_factory.mktemp("flux")
    torch.manual_seed(0)
    words = Tokenizer(WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2}, unk_token="<unk>"))
    made: Any = diffusers.FluxFillPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=diffusers.AutoencoderKL(
            block_out_channels=(4,), latent_channels=2, norm_num_groups=1, use_quant_conv=False,
            use_post_quant_conv=False, shift_factor=0.1, scaling_factor=1.5,
        ),
        text_encoder=transformers.CLIPTextModel(clip_text()),
        tokenizer=clip_tokenizer(folder),
        text_encoder_2=transformers.T5EncoderModel(
            transformers.T5Config(vocab_size=3, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
        ),
        tokenizer_2=transformers.PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="<pad>", eos_token="</s>", model_max_length=512
        ),
        transformer=diffusers.FluxTransformer2DModel(
            in_channels=20, out_channels=8, num_layers=1, num_single_layers=1, attention_head_dim=8,
            num_attention_heads=1, joint_attention_dim=8, pooled_projection_dim=8, axes_dims_rope=(2, 2, 4),
            guidance_embeds=True,
        ),
    )  # fmt: skip
    made.save_pretrained(folder / "tiny", safe_serialization=True)
    return folder / "tiny"


@pytest.fixture(scope="module")
def kandinsky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kandinsky 2.2: a decoder and a prior, each a pipeline of its own, in one folder."""
    folder = tmp_path_factory.mktemp("kandinsky")
    torch.manual_seed(0)
    decoder: Any = diffusers.KandinskyV22InpaintPipeline(
        unet=diffusers.UNet2DConditionModel(
            in_channels=9,
            out_channels=8,
            addition_embed_type="image",
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            block_out_channels=(4, 8),
            norm_num_groups=2,
            layers_per_block=1,
            encoder_hid_dim=8,
            encoder_hid_dim_type="image_proj",
            cross_attention_dim=8,
            attention_head_dim=4,
            resnet_time_scale_shift="scale_shift",
        ),
        scheduler=diffusers.DDIMScheduler(prediction_type="epsilon"),
        movq=diffusers.VQModel(
            block_out_channels=(32, 32, 32, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            num_vq_embeddings=8,
            vq_embed_dim=4,
            norm_type="spatial",
        ),
    )
    decoder.save_pretrained(folder / "tiny" / "decoder", safe_serialization=True)
    prior: Any = diffusers.KandinskyV22PriorPipeline(
        prior=diffusers.PriorTransformer(num_attention_heads=2, attention_head_dim=4, embedding_dim=8, num_layers=1),
        image_encoder=transformers.CLIPVisionModelWithProjection(
            transformers.CLIPVisionConfig(
                hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, projection_dim=8,
                image_size=224, patch_size=112,
            )
        ),
        text_encoder=transformers.CLIPTextModelWithProjection(clip_text(projection_dim=8)),
        tokenizer=clip_tokenizer(folder),
        scheduler=diffusers.UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0
        ),
        image_processor=transformers.CLIPImageProcessor(),
    )  # fmt: skip
    prior.save_pretrained(folder / "tiny" / "prior", safe_serialization=True)
    return folder / "tiny"


def fill(name: str, count: int = 1, **options: Any) -> np.ndarray:
    model = calling.load_inpainter(name, device="cpu", options={"steps": 2, **options})
    return calling.inpaint(model, PHOTOS[:count], HOLES[:count])


def test_flux_fill_listens_to_its_prompt_and_takes_any_size(flux: Path) -> None:
    name = f"flux-fill:{flux}"
    plain = fill(name, size=64)
    assert plain.shape == (1, *PHOTOS.shape[1:])
    np.testing.assert_array_equal(fill(name, size=64), plain)
    assert np.abs(fill(name, size=64, prompt="! !") - plain).max() > 1e-4
    assert np.abs(fill(name, size=0) - plain).max() > 1e-3


def test_flux_fill_knows_no_negative_prompt(flux: Path) -> None:
    with pytest.raises(ConfigError, match="--set negative_prompt=!: there is no such option; there are fit, guidance"):
        fill(f"flux-fill:{flux}", negative_prompt="!")
    with pytest.raises(ConfigError, match=r"negative_prompt=!: its pipeline \(FluxFillPipeline\) has no use for it"):
        fill(f"diffusers:{flux}", negative_prompt="!")


def test_kandinsky_is_a_decoder_and_a_prior(kandinsky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, prior = f"kandinsky-inpainting:{kandinsky}", diffusers.KandinskyV22PriorPipeline
    model: Any = calling.load_inpainter(name, device="cpu", options={"steps": 2, "size": 64, "prompt": "! !"})
    shown, prompts, movq, ask = [], [], model.pipeline.movq, prior.__call__

    def encode(images: torch.Tensor) -> Any:
        shown.append(images)
        return type(movq).encode(movq, images)

    def asked(self: Any, prompt: Any, **more: Any) -> Any:
        prompts.append(prompt)
        return ask(self, prompt=prompt, **more)

    monkeypatch.setattr(movq, "encode", encode)
    monkeypatch.setattr(prior, "__call__", asked)
    filled = calling.inpaint(model, PHOTOS[:1], HOLES[:1])
    assert filled.shape == (1, *PHOTOS.shape[1:])
    assert prompts == ["! !"]
    assert -1 <= shown[0].min() < -0.1, "the photo was not brought to the range that its encoder takes"
    assert shown[0].shape[-2:] == (64, 64)


def test_kandinsky_needs_both_parts(kandinsky: Path, tmp_path: Path) -> None:
    (tmp_path / "decoder").symlink_to(kandinsky / "decoder")
    with pytest.raises(WeightsError, match="holds no pipeline of diffusers"):
        fill(f"kandinsky-inpainting:{tmp_path}")
    (tmp_path / "prior").symlink_to(kandinsky / "decoder")
    with pytest.raises(WeightsError, match=r"its decoder and its prior are not those of Kandinsky 2\.2"):
        fill(f"kandinsky-inpainting:{tmp_path}")


@pytest.mark.parametrize("name", NAMED)
def test_its_card_names_what_is_fetched_and_under_which_terms(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    entry, _ = registry.find("inpainters", name)
    assert entry.card.hub.model.count("/") == 1
    assert entry.card.licence.terms_url.startswith("https://")
    assert entry.card.not_for
    with pytest.raises(WeightsError, match=f"^{name}") as caught:
        weights.find(entry, fetch=True)
    assert "\n" not in str(caught.value)
    assert ("--accept-licence" in str(caught.value)) == entry.card.licence.non_commercial


def test_parts_at_the_hub_are_linked_into_one_folder(
    kandinsky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _ = registry.find("inpainters", "kandinsky-inpainting")
    asked = []

    def snapshot(name: str, *_: Any, **__: Any) -> Path:
        asked.append(name)
        return kandinsky / ("prior" if name.endswith("prior") else "decoder")

    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "snapshot", snapshot)
    for _ in range(2):
        checkpoint = weights.find(entry, fetch=True)
    assert checkpoint is not None
    assert asked[:2] == [*entry.card.hub.beside.values()]
    assert checkpoint.origin == "published"
    assert (checkpoint.path / "prior" / "model_index.json").is_file()
    assert sorted(path.name for path in checkpoint.path.iterdir()) == ["decoder", "prior"]
