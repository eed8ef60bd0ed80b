"""AOT-GAN behind SafeBench's interface."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import fit, load_config, load_state

from .._rwsa import check_variant
from .options import AotGanConfig, build_generator


class Adapter(Inpainter):
    """Takes the authors' generator file, a plain state dict, and what is trained here, which names its config."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        state = load_state(weights)
        config = load_config(weights, AotGanConfig, "AOT-GAN") or AotGanConfig()
        check_variant(self.variant, config.attention, weights)
        network = build_generator(config)
        fit(network, state, f"{self.card.name}: {weights}")
        self.network = network.eval().to(device)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`.

        One picture at a time: the gates magnify rounding, and a convolution may round otherwise in a larger batch.
        """
        height, width = images.shape[-2:]
        seen, holes = (pad_symmetric(x, multiple=4, least=36) for x in (images * 2 - 1, masks))
        filled = torch.cat([self.network(seen[k : k + 1], holes[k : k + 1]) for k in range(len(images))])
        return (filled[..., :height, :width] + 1) / 2
