"""Inpainting pipelines of the diffusers library: Stable Diffusion inpainting and its like."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.checksums import walk
from safebench.models.contracts import Inpainter

_HIDDEN_PARTS = ("safety_checker", "watermarker")
_HIDDEN_FLAGS = ("requires_safety_checker", "add_watermarker")
"""What changes a finished picture and would be measured as inpainting: it blackens what it takes for indecent, or marks
it as made by a machine (Stable Diffusion XL does so wherever the package invisible-watermark is installed)."""


class Adapter(Inpainter):
    """`diffusers:OWNER/MODEL` at the Hugging Face Hub, or `diffusers:FOLDER`.

    The prompt is empty, the noise is drawn on the CPU from `seed` anew for each image, and all else (steps, guidance)
    is as the pipeline has it by default.  Half precision on a GPU, full precision on the CPU.
    """

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the pipeline's folder, with its networks as safetensors."""
        super().load(weights, device)
        if weights is None:
            raise WeightsError("diffusers: say which model, as diffusers:OWNER/MODEL or diffusers:FOLDER")
        index = _read_index(weights)
        for library in (diffusers, transformers):
            library.utils.logging.disable_progress_bar()
        kind: Any = diffusers.AutoPipelineForInpainting
        try:
            pipeline = kind.from_pretrained(
                str(weights),
                use_safetensors=True,
                local_files_only=True,
                **_without_hidden_stages(index),
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise WeightsError(f"{weights}: is no inpainting pipeline that diffusers can load: {reason}") from None
        self.pipeline = pipeline.to(device) if device.type == "cpu" else pipeline.to(device, torch.float16)
        self.pipeline.set_progress_bar_config(disable=True)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        pictures = [self._fill(images[k : k + 1], masks[k : k + 1]) for k in range(len(images))]
        return torch.cat(pictures)

    def _fill(self, image: Tensor, mask: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        filled = self.pipeline(
            prompt="",
            image=image,
            mask_image=mask,
            height=height,
            width=width,
            generator=torch.Generator("cpu").manual_seed(self.seed),
            output_type="pt",
        ).images
        return filled.to(image.device, torch.float32).clamp(0, 1)


def _without_hidden_stages(index: dict[str, Any]) -> dict[str, Any]:
    """The arguments that leave out the hidden stages, as far as the pipeline's class knows them."""
    named = getattr(diffusers, index["_class_name"], None)
    known = inspect.signature(named).parameters if named else {}
    flags = {name: False for name in _HIDDEN_FLAGS if name in known}
    return {**flags, **{name: None for name in _HIDDEN_PARTS if name in index}}


def _read_index(folder: Path) -> dict[str, Any]:
    """What the pipeline is made of; refused where it would run code that comes with it."""
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        libraries = {value[0] for value in index.values() if isinstance(value, list) and value}
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{folder}: holds no pipeline of diffusers (model_index.json: {error})") from None
    foreign = {
        name for name in libraries - {"diffusers", "transformers", None} if not hasattr(diffusers.pipelines, name)
    }
    files = list(walk(folder))
    if foreign or not isinstance(index.get("_class_name"), str) or any(file.suffix == ".py" for file in files):
        raise WeightsError(f"{folder}: this pipeline comes with code of its own, which is not run; use one without")
    for file in files:
        if file.name == "adapter_config.json" or (file.name.endswith(".index.json") and _leads_out(file)):
            raise WeightsError(f"{file}: opens files of another folder, so its own say not what it is; save it whole")
    return dict(index)


def _leads_out(index: Path) -> bool:
    """Whether the list of a network's parts names one that does not lie beside it."""
    try:
        parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return any(Path(part).name != part or "\\" in part for part in parts)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"{index}: is no list of a network's parts ({error})") from None
