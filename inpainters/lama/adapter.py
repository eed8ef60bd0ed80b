"""LaMa behind SafeBench's interface."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import fit, load_state

from .network import Generator

BIG_LAMA = 18
"""Residual blocks of the network that is meant where a checkpoint holds none."""
_BLOCK = re.compile(r"(.*\.)?model\.\d+\.conv1\.ffc\.convl2l\.weight")


class Adapter(Inpainter):
    """Takes a training checkpoint of the authors, or a plain state dict with the same keys."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`.  What else a checkpoint holds (evaluation networks, loss networks) is passed over."""
        super().load(weights, device)
        state = load_state(weights)
        nested = state.get("state_dict")
        state = nested if isinstance(nested, dict) else state
        blocks = sum(bool(_BLOCK.fullmatch(str(key))) for key in state)
        network = Generator(blocks or BIG_LAMA)
        fit(network, state, f"{self.card.name}: {weights}", prefix="generator.")
        self.network = in_fastest_layout(network.eval().to(device))

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        height, width = images.shape[-2:]
        padded = (pad_symmetric(x, multiple=8, least=16) for x in (images, masks))
        filled: Tensor = self.network(*padded)
        return filled[..., :height, :width]
