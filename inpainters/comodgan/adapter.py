"""CoModGAN behind SafeBench's interface."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import ModelError
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state

from .network import LATENT, Generator


class Adapter(Inpainter):
    """Takes a state dict that MI-GAN's authors published, for 256 or for 512 pixels."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        state = load_state(weights)
        network = Generator(512 if any(str(key).endswith("encoder.b512.conv0.weight") for key in state) else 256)
        fit(network, state, f"{self.card.name}: {weights}")
        self.network = in_fastest_layout(network.eval().to(device))

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`.  The latent is drawn anew for each call and shared by its pictures.

        Raises ModelError for pictures of another size than the loaded network's.
        """
        size = self.network.size
        height, width = images.shape[-2:]
        if (height, width) != (size, size):
            raise ModelError(
                f"{self.card.name}: the loaded checkpoint takes {size}x{size} pixels only, not {width}x{height}; "
                "resize the photos, or load the checkpoint for that size"
            )
        z = torch.randn(1, LATENT, generator=torch.Generator().manual_seed(self.seed)).to(self.device)
        filled: Tensor = self.network(images * 2 - 1, masks, z)
        return ((filled + 1) / 2).clamp(0, 1)
