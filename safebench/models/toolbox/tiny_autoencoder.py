"""The tiny autoencoders of latent diffusion models (TAESD and its relatives), in this project's own words.

Convolutions of 64 channels between three halvings (or doublings) of the sides.  Those of FLUX.2's latents have a
normalised side branch in the blocks at the smallest size.  Layers stand at the places that the published files name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from safebench.weights.read.checkpoints import fit

CHANNELS = 64
FACTOR = 8
"""Pixels of the picture's side for one of the latents'."""
LIMIT = 3.0
"""Latents are softly kept within this magnitude before they are decoded."""


class Block(nn.Module):
    """Three convolutions beside a shortcut; `pooled`: first the normalised branch is added."""

    def __init__(self, pooled: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(_conv(), nn.ReLU(), _conv(), nn.ReLU(), _conv())
        if pooled:
            wide = 4 * CHANNELS
            self.pool = nn.Sequential(
                nn.Conv2d(CHANNELS, wide, 1, bias=False),
                nn.GroupNorm(4, wide),
                nn.ReLU(),
                nn.Conv2d(wide, CHANNELS, 1, bias=False),
            )

    def forward(self, features: Tensor) -> Tensor:
        """B x 64 x H x W to the same shape."""
        if hasattr(self, "pool"):
            features = features + self.pool(features)
        return torch.relu(self.conv(features) + features)


class SoftLimit(nn.Module):
    """Keeps values within +-3: 3 tanh(z / 3)."""

    def forward(self, latents: Tensor) -> Tensor:
        """Any shape."""
        return torch.tanh(latents / LIMIT) * LIMIT


class TinyAutoencoder(nn.Module):
    """An encoder and a decoder of the same latents."""

    def __init__(self, latents: int, pooled: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            _conv(3), Block(),
            _halving(), *_blocks(),
            _halving(), *_blocks(),
            _halving(), *_blocks(pooled),
            _conv(out=latents),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            SoftLimit(), _conv(latents), nn.ReLU(),
            *_blocks(pooled), *_doubling(),
            *_blocks(), *_doubling(),
            *_blocks(), *_doubling(),
            Block(), _conv(out=3),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Through the latents and back: B x 3 x H x W in [0, 1], sides multiples of 8, to the same, not yet clipped."""
        restored: Tensor = self.decoder(self.encoder(images))
        return restored


def build(encoder: Mapping[str, Any], decoder: Mapping[str, Any], name: str) -> TinyAutoencoder:
    """The network that two state dicts fit; raises WeightsError, naming `name`, where they are of another kind."""
    last = encoder.get("14.weight")
    latents = int(last.shape[0]) if isinstance(last, Tensor) and last.ndim == 4 else 4
    network = TinyAutoencoder(latents, pooled="11.pool.0.weight" in encoder)
    fit(network.encoder, encoder, f"{name} (encoder)")
    fit(network.decoder, decoder, f"{name} (decoder)")
    return network.eval()


def _conv(inputs: int = CHANNELS, *, out: int = CHANNELS, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, out, 3, stride=stride, padding=1, bias=bias)


def _blocks(pooled: bool = False) -> list[Block]:
    return [Block(pooled) for _ in range(3)]


def _halving() -> nn.Conv2d:
    return _conv(stride=2, bias=False)


def _doubling() -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), _conv(bias=False)]
