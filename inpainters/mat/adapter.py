"""MAT behind SafeBench's interface."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import ModelError
from safebench.models.contracts import Inpainter
from safebench.weights.read.checkpoints import fit, load_state, network_state

from .network import CHANNELS, LATENT, LEAST, WIDEST, Generator


class Adapter(Inpainter):
    """Takes a published pickle, or a plain state dict of its averaged generator; either for 256 or for 512 pixels."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        state = load_state(weights)
        if "G_ema" in state:
            state = network_state(state["G_ema"], str(weights))
        network = Generator(512 if any("EncConv_Block_512x512" in str(key) for key in state) else 256)
        fit(network, state, f"{self.card.name}: {weights}")
        self.network = network.eval().to(device)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`.  The random inputs are drawn anew for each call and shared by its pictures.

        Raises ModelError for pictures of another size than the loaded network's.
        """
        size = self.network.size
        height, width = images.shape[-2:]
        if (height, width) != (size, size):
            raise ModelError(
                f"{self.card.name}: the loaded checkpoint takes {size}x{size} pixels only, not {width}x{height}; "
                "resize the photos, or load the checkpoint for that size"
            )
        z, *chosen = (part.to(self.device) for part in draws(self.seed))
        filled: Tensor = self.network(images * 2 - 1, masks, z, chosen)
        return ((filled + 1) / 2).clamp(0, 1)


def draws(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """z, and which features of the two stages are kept, as the network takes them."""
    random = torch.Generator().manual_seed(seed)
    kept = (torch.empty(1, channels, LEAST, LEAST).bernoulli_(0.5, generator=random) for channels in (CHANNELS, WIDEST))
    return (torch.randn(1, LATENT, generator=torch.Generator().manual_seed(seed)), *kept)  # type: ignore[return-value]
