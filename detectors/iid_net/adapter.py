"""IID-Net as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.checkpoints import fit, load_state
from safebench.contracts import Detection, Detector

from .network import IIDNet


class Adapter(Detector):
    """The map of a freshly loaded network, for every picture."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is IID_weights.pth; the median's kernel in it is never used."""
        super().load(weights, device)
        self._network = IIDNet()
        fit(self._network, load_state(weights), str(weights), prefix="module.", skip=("median.",))
        self._network.to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`.

        Pictures go through one by one: a batch rounds otherwise, and where two neighbours of the attention are nearly
        tied that can swap them, which shows.
        """
        pictures = 2 * images.flip(1) - 1
        logits = torch.cat([self._network(picture[None]) for picture in pictures])
        return Detection(maps=logits[:, 0].sigmoid())
