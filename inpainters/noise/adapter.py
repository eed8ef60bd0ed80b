"""The control that cannot be missed: noise."""

from __future__ import annotations

import torch
from torch import Tensor

from safebench.models.contracts import Inpainter


class Adapter(Inpainter):
    """Independent uniform noise in every channel, the same for each image of one size."""

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        # drawn on the CPU: generators of other devices give other numbers
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.rand(images.shape[1:], generator=generator).to(images.device)
        return torch.where(masks > 0.5, noise, images)
