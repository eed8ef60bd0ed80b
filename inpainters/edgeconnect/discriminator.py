"""EdgeConnect's discriminators, a PatchGAN for edges and one for pictures, and their losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from .options import Adversarial


class Discriminator(nn.Module):
    """Five 4 x 4 convolutions under spectral norm; named as in the authors' checkpoints."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = (channels, width, 2 * width, 4 * width, 8 * width, 1)
        for k, stride in enumerate((2, 2, 2, 1, 1)):
            plain = nn.Conv2d(widths[k], widths[k + 1], 4, stride=stride, padding=1, bias=False)
            follows = [nn.LeakyReLU(0.2, inplace=True)] if k < 4 else []
            self.add_module(f"conv{k + 1}", nn.Sequential(spectral_norm(plain), *follows))

    def forward(self, x: Tensor) -> list[Tensor]:
        """B x channels x H x W to the maps of all five layers; the last one, B x 1 x h x w, holds the logits."""
        maps = [x]
        for layer in self.children():
            maps.append(layer(maps[-1]))
        return maps[1:]


def telling(real: Tensor, fake: Tensor, form: Adversarial) -> Tensor:
    """The discriminator's loss: how far its logits are from telling the two apart."""
    if form == "hinge":
        return (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2
    return (_distance(real, 1, form) + _distance(fake, 0, form)) / 2


def fooling(fake: Tensor, form: Adversarial) -> Tensor:
    """The generator's: how far the discriminator's logits are from calling its work real."""
    return -fake.mean() if form == "hinge" else _distance(fake, 1, form)


def _distance(logits: Tensor, label: float, form: Adversarial) -> Tensor:
    if form == "lsgan":
        return (logits.sigmoid() - label).square().mean()
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
