"""FcF behind SafeBench's interface."""

from __future__ import annotations

import torch
from torch import Tensor

from .._square import SquareInpainter
from .._stylegan import LATENT
from .network import Generator


class Adapter(SquareInpainter):
    """A latent and the noise at 4x4 are its random inputs."""

    generator = Generator
    only_512 = "encoder.b512.conv0.weight"

    def fill(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `SquareInpainter.fill`."""
        random = torch.Generator().manual_seed(self.seed)
        z = torch.randn(1, LATENT, generator=random).to(self.device)
        noise = torch.randn(1, 1, 4, 4, generator=random).to(self.device)
        filled: Tensor = self.network(images, masks, z, noise)
        return filled
