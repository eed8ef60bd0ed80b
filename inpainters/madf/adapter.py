"""MADF as an inpainter."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.weights.read.checkpoints import fit, load_state, part

from .network import MADF

PREFIX = "module.model."
"""Before the network's keys, since the authors saved it inside the wrapper that they train it in; the wrapper's
loss network (`module.extractor.`) is passed over."""
UNUSED = tuple(f"enc_conv_{level}.bn." for level in range(1, 8))
"""In the checkpoint, but never applied by the authors' forward pass."""


class Adapter(Inpainter):
    """The picture of the second refinement decoder."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is one file of the authors'."""
        super().load(weights, device)
        state = part(load_state(weights), "model", str(weights))
        wrapped = any(key.startswith(PREFIX) for key in state)
        self._network = MADF()
        fit(self._network, state, str(weights), prefix=PREFIX if wrapped else "", skip=UNUSED)
        self._network.to(device).eval()
        self._mean = torch.tensor([0.485, 0.456, 0.406], device=device).view(3, 1, 1)
        self._std = torch.tensor([0.229, 0.224, 0.225], device=device).view(3, 1, 1)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        known = 1 - masks
        pictures = self._network((images - self._mean) / self._std * known, known)
        painted: Tensor = (pictures[-1] * self._std + self._mean).clamp(0, 1)
        return painted
