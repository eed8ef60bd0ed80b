"""MAT behind SafeBench's interface."""

from __future__ import annotations

import torch
from torch import Tensor

from .._square import SquareInpainter
from .._stylegan import LATENT
from .network import CHANNELS, LEAST, WIDEST, Generator


class Adapter(SquareInpainter):
    """A latent, and which features of the two stages are kept, are its random inputs."""

    generator = Generator
    only_512 = "EncConv_Block_512x512"
    channels_last = False

    def fill(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `SquareInpainter.fill`."""
        z, *chosen = (part.to(self.device) for part in draws(self.seed))
        filled: Tensor = self.network(images, masks, z, chosen)
        return filled


def draws(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """z, and which features of the two stages are kept, as the network takes them."""
    random = torch.Generator().manual_seed(seed)
    kept = (torch.empty(1, channels, LEAST, LEAST).bernoulli_(0.5, generator=random) for channels in (CHANNELS, WIDEST))
    return (torch.randn(1, LATENT, generator=torch.Generator().manual_seed(seed)), *kept)  # type: ignore[return-value]
