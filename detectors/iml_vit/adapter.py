"""IML-ViT as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from safebench.models.contracts import Detection, Detector
from safebench.weights.read.checkpoints import fit, load_state, part

from .network import IMLViT, resize

SIDE = 1024
"""Pictures are filled up to this square, with black on the right and below, as the authors do."""
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class Adapter(Detector):
    """The map of the picture's part of the square."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is iml-vit_checkpoint.pth, or a checkpoint of the authors' training, which holds it as `model`."""
        super().load(weights, device)
        self._network = IMLViT(SIDE)
        state = load_state(weights)
        fit(self._network, part(state, "model", str(weights)) if "model" in state else state, str(weights))
        self._network.to(device).eval()
        self._mean, self._std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (_MEAN, _STD))

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        height, width = images.shape[2:]
        squares = pad(images, (0, SIDE - width, 0, SIDE - height))
        logits = self._network((squares - self._mean) / self._std).float()
        maps = resize(logits, (SIDE, SIDE)).sigmoid()
        return Detection(maps[:, 0, :height, :width].contiguous())
