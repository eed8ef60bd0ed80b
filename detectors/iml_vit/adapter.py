"""IML-ViT as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from safebench.models.contracts import Detection, Detector
from safebench.weights.read.checkpoints import fit, load_state, part

from .._imagenet import standardised
from .network import IMLViT, resize

SIDE = 1024
"""Pictures are filled up to this square, with black on the right and below, as the authors do."""


class Adapter(Detector):
    """The map of the picture's part of the square."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is iml-vit_checkpoint.pth, or a checkpoint of the authors' training, which holds it as `model`."""
        super().load(weights, device)
        self._network = IMLViT(SIDE)
        state = load_state(weights)
        fit(self._network, part(state, "model", str(weights)) if "model" in state else state, str(weights))
        self._network.to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        height, width = images.shape[2:]
        square = pad(images, (0, SIDE - width, 0, SIDE - height))
        logits = self._network(standardised(square)).float()
        maps = resize(logits, (SIDE, SIDE)).sigmoid()
        return Detection(maps[:, 0, :height, :width].contiguous())
