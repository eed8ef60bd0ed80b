"""SparseViT as a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, part

from .._imagenet import squares, standardised
from .network import NOT_USED, SparseViT, resize

SIDE = 512
"""Pictures are brought to this square, as in the authors' script."""


class Adapter(Detector):
    """The map of the square, brought to the picture's size."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is checkpoint.pth."""
        super().load(weights, device)
        self._network = SparseViT()
        fit(self._network, part(load_state(weights), "model", str(weights)), str(weights), skip=NOT_USED)
        in_fastest_layout(self._network).to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        logits = self._network(standardised(squares(images, SIDE))).float()
        found = resize(logits, (SIDE, SIDE)).sigmoid()[:, 0].detach().cpu().numpy()
        size = (images.shape[3], images.shape[2])  # Pillow's order
        maps = [np.asarray(Image.fromarray(square).resize(size, Image.Resampling.LANCZOS)) for square in found]
        return Detection(torch.from_numpy(np.stack(maps)).clamp(0, 1).to(self.device))
