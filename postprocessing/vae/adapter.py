"""Through a latent autoencoder and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safebench_postprocessing.vae import network
from torch import Tensor

from safebench.errors import PluginError, WeightsError
from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import load_state


class Adapter(PostProcessing):
    """`vae:OWNER/MODEL` at the Hugging Face Hub, or `vae:FOLDER`: an autoencoder of diffusers (or a pipeline, of which
    its `vae` is taken), or the two files of a TAESD (`NAME_encoder.pth`, `NAME_decoder.pth`).

    Latents are the encoder's mean, without a random draw.  Pictures whose sides do not fit are mirrored at the bottom
    and right before, and cropped after.
    """

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the autoencoder's folder."""
        super().load(weights, device)
        if weights is None:
            raise WeightsError("vae: say which autoencoder, as vae:OWNER/MODEL or vae:FOLDER")
        encoders = sorted(weights.glob("*_encoder.pth"))
        if encoders:
            self._restore, self._multiple = _tiny(encoders, device), network.FACTOR
        else:
            self._restore, self._multiple = _of_diffusers(weights, device)

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        height, width = image.pixels.shape[:2]
        levels = torch.from_numpy(image.pixels.copy()).to(self.device).permute(2, 0, 1)[None].float() / 255
        restored = self._restore(pad_symmetric(levels, self._multiple))[0, :, :height, :width]
        pixels = restored.float().clamp(0, 1).mul(255).round().permute(1, 2, 0).cpu().numpy()
        return image.with_pixels(pixels.astype(np.uint8))


def _tiny(encoders: list[Path], device: torch.device) -> Callable[[Tensor], Tensor]:
    encoder, *others = encoders
    decoder = encoder.with_name(encoder.name.replace("_encoder", "_decoder"))
    if others:
        raise WeightsError(f"{encoder.parent}: holds several autoencoders; leave one, or name a folder that holds one")
    if not decoder.is_file():
        raise WeightsError(f"{decoder}: is missing; a TAESD consists of an encoder's file and a decoder's")
    return network.build(load_state(encoder), load_state(decoder), encoder.name).to(device)


def _of_diffusers(folder: Path, device: torch.device) -> tuple[Callable[[Tensor], Tensor], int]:
    """An autoencoder of the diffusers library, as a function from pictures to pictures; its sides' divisor."""
    try:
        import diffusers
    except ImportError as error:
        raise PluginError(
            f"vae: diffusers could not be imported: {error}; install it with: pip install 'safebench[diffusers]'"
        ) from None
    place = folder / "vae" if (folder / "model_index.json").is_file() else folder
    kind = _kind(diffusers, place)
    try:
        model = kind.from_pretrained(str(place), use_safetensors=True, local_files_only=True).to(device).eval()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsError(f"{place}: is no autoencoder that diffusers can load: {reason}") from None

    def restore(images: Tensor) -> Tensor:
        encoded = model.encode(images * 2 - 1)
        latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        restored: Tensor = model.decode(latents).sample / 2 + 0.5
        return restored

    return restore, 2 ** (len(getattr(model.config, "block_out_channels", (0,) * 4)) - 1)


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
