"""Inpainting pipelines of the diffusers library, for the generic `diffusers:` and for those that have a name here."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import torch
from msgspec import Meta
from torch import Tensor

from safebench.errors import ConfigError, WeightsError
from safebench.models.cards import OptionValue
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.holes import spread_known

from ._framing import Fit, framed
from ._options import read_options
from ._pipelines import open_pipeline, scheduler_class

_HALF = {"fp16": torch.float16, "bf16": torch.bfloat16, "none": torch.float32}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What `--set` may say; a card's `[options]` has the defaults."""

    prompt: str = ""
    prompts: str = ""
    """A CSV of texts by photo, which the engine reads."""
    negative_prompt: str = ""
    steps: Annotated[int, Meta(ge=0)] = 0
    """0: as many as the pipeline takes by itself; so for the next two."""
    guidance: Annotated[float, Meta(ge=-1)] = -1.0
    """-1: the pipeline's own."""
    strength: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """0: the pipeline's own."""
    scheduler: str = ""
    """The name of a class of diffusers; "": the pipeline's own."""
    size: Annotated[int, Meta(ge=0, le=4096, multiple_of=64)] = 0
    """The side that the network sees; 0: each picture's own."""
    fit: Fit = "pad"
    half: Literal["fp16", "bf16", "none"] = "fp16"
    """The precision on a GPU; on the CPU it is full."""


class PipelineInpainter(Inpainter):
    """One pipeline.  The noise is drawn on the CPU from `seed`, anew for each image."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the pipeline's folder, with its networks as safetensors.

        Raises ConfigError where the options say what the pipeline has no use for.
        """
        super().load(weights, device)
        if weights is None:
            raise WeightsError(f"{self.card.name}: say which model, as {self.card.name}:OWNER/MODEL or :FOLDER")
        self._set = read_options(self.options, Options, self.card.name)
        numbers = torch.float32 if device.type == "cpu" else _HALF[self._set.half]
        self.pipeline = open_pipeline(weights, numbers).to(device)
        self.pipeline.set_progress_bar_config(disable=True)
        if self._set.scheduler:
            chosen = scheduler_class(self._set.scheduler)
            self.pipeline.scheduler = chosen.from_config(self.pipeline.scheduler.config)
        self._known = set(inspect.signature(type(self.pipeline).__call__).parameters)
        self._arguments = self._chosen()

    @classmethod
    def check_options(cls, options: Mapping[str, OptionValue]) -> None:
        """See `Model.check_options`."""
        scheduler_class(read_options(options, Options).scheduler)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`; the option `prompt` says what is painted."""
        return self.inpaint_by_text(images, masks, [self._set.prompt] * len(images))

    def inpaint_by_text(self, images: Tensor, masks: Tensor, texts: Sequence[str]) -> Tensor:
        """See `Inpainter.inpaint_by_text`.

        What a hole holds is where a strength below 1 begins, and is mixed in where pictures are scaled: it is given the
        colours of its surroundings first.
        """
        seen = images if self.sees_hole else spread_known(images, masks)
        pictures = [self._fill(seen[k : k + 1], masks[k : k + 1], text) for k, text in enumerate(texts)]
        return torch.cat(pictures)

    def _fill(self, image: Tensor, mask: Tensor, text: str) -> Tensor:
        part = framed(image, mask, self._set.size, self._set.fit, self._multiple)
        height, width = part.image.shape[-2:]
        filled = self.pipeline(
            prompt=text,
            image=part.image * 2 - 1 if self._of_kandinsky else part.image,  # the others bring it to [-1, 1] themselves
            mask_image=part.mask,
            height=height,
            width=width,
            generator=torch.Generator("cpu").manual_seed(self.seed),
            output_type="pt",
            **self._arguments,
        ).images
        return part.back(filled.to(image.device, torch.float32), image)

    def _chosen(self) -> dict[str, Any]:
        """What the user or the card set, by the names of the pipeline's parameters."""
        wanted = {
            "negative_prompt": ("negative_prompt", self._set.negative_prompt or None),
            "steps": ("num_inference_steps", self._set.steps or None),
            "guidance": ("guidance_scale", None if self._set.guidance < 0 else self._set.guidance),
            "strength": ("strength", self._set.strength or None),
        }
        for option, (parameter, value) in wanted.items():
            if value is not None and parameter not in self._known:
                name = type(self.pipeline).__name__
                raise ConfigError(f"{self.card.name}: --set {option}={value}: its pipeline ({name}) has no use for it")
        return {parameter: value for parameter, value in wanted.values() if value is not None}

    @property
    def _of_kandinsky(self) -> bool:
        return "movq" in self.pipeline.components

    @property
    def _multiple(self) -> int:
        """Of what the sides that the pipeline takes are multiples."""
        if self._of_kandinsky:
            return 64
        return int(self.pipeline.image_processor.config.vae_scale_factor)
