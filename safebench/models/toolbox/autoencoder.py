"""Pictures through a latent autoencoder and back: what every picture of a latent diffusion model went through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from safebench.errors import PluginError, WeightsError
from safebench.models.toolbox import tiny_autoencoder
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import load_state

RoundTrip = Callable[[Tensor], Tensor]
"""From pictures, B x 3 x H x W in [0, 1], to what comes back of them, of the same shape, float32 in [0, 1]."""


def open_autoencoder(folder: Path, device: torch.device, model: str) -> RoundTrip:
    """The autoencoder in a folder, loaded to `device`: one of diffusers (or a pipeline, of which its `vae` is taken),
    or the two files of a TAESD (`NAME_encoder.pth`, `NAME_decoder.pth`).

    Latents are the encoder's mean, without a random draw.  Pictures whose sides do not fit are mirrored at the bottom
    and right before, and cropped after.  Raises WeightsError where there is none, or PluginError, naming the adapter
    `model`, where diffusers is needed and not installed.
    """
    encoders = sorted(folder.glob("*_encoder.pth"))
    if encoders:
        restore, multiple = _tiny(encoders, device), tiny_autoencoder.FACTOR
    else:
        restore, multiple = _of_diffusers(folder, device, model)

    def round_trip(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        restored = restore(pad_symmetric(images, multiple))[..., :height, :width]
        return restored.float().clamp(0, 1)

    return round_trip


def _tiny(encoders: list[Path], device: torch.device) -> RoundTrip:
    encoder, *others = encoders
    decoder = encoder.with_name(encoder.name.replace("_encoder", "_decoder"))
    if others:
        raise WeightsError(f"{encoder.parent}: holds several autoencoders; leave one, or name a folder that holds one")
    if not decoder.is_file():
        raise WeightsError(f"{decoder}: is missing; a TAESD consists of an encoder's file and a decoder's")
    return tiny_autoencoder.build(load_state(encoder), load_state(decoder), encoder.name).to(device)


def _of_diffusers(folder: Path, device: torch.device, model: str) -> tuple[RoundTrip, int]:
    """An autoencoder of the diffusers library, as a function from pictures to pictures; its sides' divisor."""
    try:
        import diffusers
    except ImportError as error:
        raise PluginError(
            f"{model}: diffusers could not be imported: {error}; install it with: pip install 'safebench[diffusers]'"
        ) from None
    place = folder / "vae" if (folder / "model_index.json").is_file() else folder
    kind = _kind(diffusers, place)
    try:
        network = kind.from_pretrained(str(place), use_safetensors=True, local_files_only=True).to(device).eval()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsError(f"{place}: is no autoencoder that diffusers can load: {reason}") from None

    def restore(images: Tensor) -> Tensor:
        encoded = network.encode(images * 2 - 1)
        latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        restored: Tensor = network.decode(latents).sample / 2 + 0.5
        return restored

    return restore, 2 ** (len(getattr(network.config, "block_out_channels", (0,) * 4)) - 1)


def _kind(diffusers: Any, folder: Path) -> Any:
    """The class of diffusers that a folder's settings name; raises WeightsError where it is no autoencoder."""
    try:
        named = json.loads((folder / "config.json").read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder}: holds no autoencoder of diffusers (config.json: {error})") from None
    kind = getattr(diffusers, named, None) if isinstance(named, str) and named.startswith("Autoencoder") else None
    if kind is None:
        raise WeightsError(f"{folder}: its network is a {named}, which is no autoencoder of diffusers")
    return kind
