"""Latent diffusion behind SafeBench's interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from msgspec import Meta
from torch import Tensor

from safebench.models.cards import OptionValue
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import fit, load_state

from .._options import read_options
from .network import MULTIPLE, LatentDiffusion

WIDTH, CODER_WIDTH, CODES = 256, 128, 8192
"""Of the published networks; a checkpoint may hold narrower ones, which say so by the shapes of a few tensors."""
_IDLE = (
    "cond_stage_model.",  # the autoencoder once more
    "first_stage_model.loss.",
    "alphas_cumprod_prev",
    "betas",
    "log_one_minus_alphas_cumprod",
    "posterior_",
    "sqrt_",
)
"""What the authors' code saves beside what it computes with."""
_AVERAGES = "model_ema."


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What `--set` may say; the card's `[options]` has the defaults."""

    steps: Annotated[int, Meta(ge=1, le=500)]
    eta: Annotated[float, Meta(ge=0, le=1)]
    seed: Annotated[int, Meta(ge=-1, le=2**63 - 1)]
    """-1: the run's own."""


class Adapter(Inpainter):
    """Takes a training checkpoint of the authors, or a plain state dict with the same keys."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`.  The U-Net is the average that the authors' script takes, where the file holds it."""
        super().load(weights, device)
        self._set = read_options(self.options, Options, self.card.name)
        state = load_state(weights)
        nested = state.get("state_dict")
        state = nested if isinstance(nested, dict) else state
        with torch.device("meta"):  # numbers drawn for 400 million weights would only be written over
            network = LatentDiffusion(
                _length(state, "model.diffusion_model.input_blocks.0.0.bias", WIDTH),
                _length(state, "first_stage_model.encoder.conv_in.bias", CODER_WIDTH),
                _length(state, "first_stage_model.quantize.embedding.weight", CODES),
            )
        network.to_empty(device="cpu")
        fit(network, _with_averages(state, network), f"{self.card.name}: {weights}", skip=_IDLE)
        self.network = in_fastest_layout(network.eval().to(device))

    @classmethod
    def check_options(cls, options: Mapping[str, OptionValue]) -> None:
        """See `Model.check_options`."""
        read_options(options, Options)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`; picture by picture, since the table's nearest entry may hang on a last digit."""
        return torch.cat([self._fill(images[k : k + 1], masks[k : k + 1]) for k in range(len(images))])

    def _fill(self, image: Tensor, mask: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        image, mask = (pad_symmetric(x, MULTIPLE) for x in (image, mask))
        with torch.inference_mode():
            filled: Tensor = self.network(image, mask, self._set.steps, self._set.eta, self._draws(image))
        return ((filled[..., :height, :width] + 1) / 2).clamp(0, 1)

    def _draws(self, image: Tensor) -> Iterator[Tensor]:
        """Noise of the latent's shape, drawn on the CPU, so that every device begins from the same."""
        seed = self.seed if self._set.seed < 0 else self._set.seed
        random = torch.Generator().manual_seed(seed)
        while True:
            yield torch.randn(1, 3, *(side // 4 for side in image.shape[-2:]), generator=random).to(image.device)


def _length(state: Mapping[str, Any], key: str, most: int) -> int:
    """Of a tensor along its first dimension, up to `most`, which also stands for one that is missing or can't be."""
    tensor = state.get(key)
    fits = isinstance(tensor, Tensor) and tensor.dim() > 0 and len(tensor) % 32 == 0 and 0 < len(tensor) <= most
    return len(tensor) if isinstance(tensor, Tensor) and fits else most


def _with_averages(state: Mapping[str, Any], network: LatentDiffusion) -> dict[str, Any]:
    """The state with the U-Net's averages over its training in place of its last weights.

    The authors' code names an average like the weight, without the dots.
    """
    averages = {str(key): value for key, value in state.items() if str(key).startswith(_AVERAGES)}
    if not averages:
        return dict(state)
    names = {_AVERAGES + key.replace(".", ""): f"model.{key}" for key, _ in network.model.named_parameters()}
    for counter in ("decay", "num_updates"):
        averages.pop(_AVERAGES + counter, None)
    kept = {key: value for key, value in state.items() if not str(key).startswith((_AVERAGES, "model."))}
    return {**kept, **{names.get(key, key): value for key, value in averages.items()}}
