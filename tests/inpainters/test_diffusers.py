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

from safebench import run
from safebench.commands.many import inpaint_folder
from safebench.errors import ConfigError, WeightsError
from safebench.inputs.images import read_photo, save_png
from safebench.models import calling
from safebench.testing import inputs
from safebench.work.watching import Silent

from .tiny_text import clip_text, clip_tokenizer

PHOTOS, HOLES = inputs.photos(2, (64, 72)), inputs.holes(2, (64, 72))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Thousands of tiny operations, which waiting threads only slow down."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _parts(folder: Path, *, attends_to: int, **more: Any) -> dict[str, Any]:
    """The networks and tokenizers that Stable Diffusion pipelines share: a few thousand random weights."""
    diffusers = pytest.importorskip("diffusers", reason="needs the extra: pip install 'safebench[diffusers]'")
    pytest.importorskip("transformers", reason="needs the extra: pip install 'safebench[diffusers]'")
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
        cross_attention_dim=attends_to,
        attention_head_dim=2,
        **more,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    )
    return {"vae": vae, "tokenizer": clip_tokenizer(folder), "unet": unet, "scheduler": diffusers.DDIMScheduler()}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion inpainting pipeline."""
    folder = tmp_path_factory.mktemp("pipeline")
    parts = _parts(folder, attends_to=8)
    import diffusers
    import transformers

    made: Any = diffusers.StableDiffusionInpaintPipeline(
        **parts,
        text_encoder=transformers.CLIPTextModel(clip_text()),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.save_pretrained(folder / "tiny", safe_serialization=True)
    return folder / "tiny"


@pytest.fixture(scope="module")
def pipeline_xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion XL inpainting pipeline."""
    folder = tmp_path_factory.mktemp("pipeline-xl")
    embedded = {"addition_embed_type": "text_time", "addition_time_embed_dim": 4}
    parts = _parts(folder, attends_to=16, **embedded, projection_class_embeddings_input_dim=6 * 4 + 8)
    import diffusers
    import transformers

    made: Any = diffusers.StableDiffusionXLInpaintPipeline(
        **parts,
        tokenizer_2=parts["tokenizer"],
        text_encoder=transformers.CLIPTextModel(clip_text()),
        text_encoder_2=transformers.CLIPTextModelWithProjection(clip_text(projection_dim=8)),
        add_watermarker=False,
    )
    made.save_pretrained(folder / "tiny", safe_serialization=True)
    return folder / "tiny"


class Marker:
    """In place of the watermark, whose package the tests do not install: a mark that cannot be missed."""

    def apply_watermark(self, images: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(images)


def test_no_watermark_is_put_into_a_picture_where_its_package_is_installed(
    pipeline_xl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"steps": 2}
    without: Any = calling.load_inpainter(f"diffusers:{pipeline_xl}", options=few)
    expected = calling.inpaint(without, PHOTOS[:1], HOLES[:1])
    from diffusers.pipelines.stable_diffusion_xl import pipeline_stable_diffusion_xl_inpaint as module

    monkeypatch.setattr(module, "is_invisible_watermark_available", lambda: True)
    monkeypatch.setattr(module, "StableDiffusionXLWatermarker", Marker, raising=False)
    installed: Any = calling.load_inpainter(f"diffusers:{pipeline_xl}", options=few)
    assert installed.pipeline.watermark is None
    np.testing.assert_array_equal(calling.inpaint(installed, PHOTOS[:1], HOLES[:1]), expected)


def test_a_pipelines_own_safety_checker_and_watermarker_are_not_loaded() -> None:
    pytest.importorskip("diffusers", reason="needs the extra: pip install 'safebench[diffusers]'")
    from safebench_inpainters._pipelines import _without_hidden_stages

    xl = {"_class_name": "StableDiffusionXLPipeline"}
    assert _without_hidden_stages(xl) == {"add_watermarker": False}
    old = {"_class_name": "StableDiffusionInpaintPipeline", "safety_checker": ["stable_diffusion", "X"]}
    assert _without_hidden_stages(old) == {"requires_safety_checker": False, "safety_checker": None}
    pixels = {"_class_name": "IFInpaintingPipeline", "safety_checker": ["if", "X"], "watermarker": ["if", "Y"]}
    expected = {"requires_safety_checker": False, "safety_checker": None, "watermarker": None}
    assert _without_hidden_stages(pixels) == expected


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


def test_options_reach_the_pipeline(pipeline: Path, tmp_path: Path) -> None:
    def painted(**options: Any) -> Any:
        model: Any = calling.load_inpainter(f"diffusers:{pipeline}", options={"steps": 2, "size": 64, **options})
        return model, calling.inpaint(model, PHOTOS[:1], HOLES[:1])

    _, plain = painted(prompt="!")
    for changed in ({"prompt": ""}, {"negative_prompt": "! !"}, {"guidance": 2.0}, {"strength": 0.5}, {"steps": 3}):
        assert np.abs(painted(**{"prompt": "!", **changed})[1] - plain).max() > 1e-5, changed
    model, other = painted(scheduler="EulerDiscreteScheduler", fit="crop")
    assert type(model.pipeline.scheduler).__name__ == "EulerDiscreteScheduler"
    assert np.abs(other - plain).max() > 1e-3
    for refused, said in (
        ({"scheduler": "os"}, "--set scheduler=os: diffusers has no such scheduler"),
        ({"strength": 2.0}, "--set strength=2.0: expected `float` <= 1"),
        ({"fit": "stretch"}, "--set fit=stretch: invalid enum value"),
        ({"size": 100}, "--set size=100"),
    ):
        with pytest.raises(ConfigError, match=said):
            painted(**refused)


def test_both_text_encoders_of_stable_diffusion_xl_are_told_the_prompt(
    pipeline_xl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name that has a card, and by the generic one."""

    def painted(name: str, **options: Any) -> Any:
        model: Any = calling.load_inpainter(f"{name}:{pipeline_xl}", options={"steps": 2, "size": 64, **options})
        return model, calling.inpaint(model, PHOTOS[:1], HOLES[:1])

    _, plain = painted("sdxl-inpainting")
    model, told = painted("sdxl-inpainting", prompt="! !")
    assert np.abs(told - plain).max() > 1e-4
    assert np.abs(painted("sdxl-inpainting", negative_prompt="! !")[1] - plain).max() > 1e-5
    np.testing.assert_array_equal(painted("diffusers", prompt="! !", half="none")[1], told)
    np.testing.assert_array_equal(calling.inpaint(model, PHOTOS[:1], HOLES[:1], texts=[""]), plain)
    for encoder in ("text_encoder", "text_encoder_2"):
        with monkeypatch.context() as patched:
            embedded = getattr(model.pipeline, encoder).get_input_embeddings().weight
            patched.setattr(embedded, "data", embedded.data.flip(0))
            assert np.abs(calling.inpaint(model, PHOTOS[:1], HOLES[:1]) - told).max() > 1e-5, encoder


def test_each_photo_is_painted_by_its_own_text(pipeline: Path, tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text("photo,prompt\na.png,!\n")
    for k, name in enumerate("ab"):
        save_png(tmp_path / "photos" / f"{name}.png", PHOTOS[k])
        save_png(tmp_path / "photos" / f"{name}_mask.png", HOLES[k].astype(np.uint8) * 255)
    options = {"steps": 2, "size": 64}

    def folder(out: str, **more: Any) -> list[np.ndarray]:
        given = {**options, **more}
        inpaint_folder(f"diffusers:{pipeline}", tmp_path / "photos", None, tmp_path / out, Silent(), options=given)
        return [read_photo(tmp_path / out / "pictures" / f"{name}.png.png") for name in "ab"]

    silent, told = folder("silent"), folder("told", prompts=str(file))
    assert np.abs(silent[0].astype(int) - told[0]).max() > 0
    np.testing.assert_array_equal(silent[1], told[1])


def test_a_run_says_what_was_set_and_where_no_text_was(pipeline: Path, tmp_path: Path) -> None:
    notes: list[str] = []

    class Listening(Silent):
        def note(self, sentence: str) -> None:
            notes.append(sentence)

    results = run(
        inpainters=[f"mute=diffusers:{pipeline}", f"told=diffusers:{pipeline}"],
        set={"steps": 2, "size": 64, "told.prompt": "!"},
        bins="10-20",
        limit=1,
        size=64,
        assembly=["spliced", "regenerated"],
        out=str(tmp_path / "run"),
        watcher=Listening(),
    )
    assert not len(results.failures)
    said = results.record.inpainters
    assert (said["mute"].options["prompt"], said["told"].options["prompt"]) == ("", "!")
    assert said["told"].options["size"] == 64
    assert [note for note in notes if "no text" in note] == [
        "mute: no text says what to paint (--set prompt=..., or prompts=FILE.csv)"
    ]
    assert results.quality["composite_sha256"].nunique() == 4
