"""CoModGAN behind SafeBench's interface."""

from __future__ import annotations

import torch
from torch import Tensor

from .._square import SquareInpainter
from .._stylegan import LATENT
from .network import Generator


class Adapter(SquareInpainter):
    """Takes a state dict that MI-GAN's authors published."""

    generator = Generator
    only_512 = "encoder.b512.conv0.weight"

    def fill(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `SquareInpainter.fill`."""
        z = torch.randn(1, LATENT, generator=torch.Generator().manual_seed(self.seed)).to(self.device)
        filled: Tensor = self.network(images, masks, z)
        return filled
