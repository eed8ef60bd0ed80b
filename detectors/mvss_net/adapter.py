"""MVSS-Net as a detector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import to_images
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state

from .network import NOT_USED, MVSSNet

SIDE = 512
"""Pictures are brought to this square, as in the authors' script."""
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
"""Those of red, green and blue; the authors take them for blue, green and red."""


class Adapter(Detector):
    """The map at the picture's size, and its highest value before that as the score."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is mvssnet_casia.pt or mvssnet_defacto.pt."""
        super().load(weights, device)
        self._network = MVSSNet()
        fit(self._network, load_state(weights), str(weights), skip=NOT_USED)
        in_fastest_layout(self._network).to(device).eval()
        self._mean, self._std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (_MEAN, _STD))

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        squares = np.stack([cv2.resize(image, (SIDE, SIDE)) for image in to_images(images)])
        blue_first = torch.from_numpy(squares).to(self.device).permute(0, 3, 1, 2).flip(1).float() / 255
        logits = self._network((blue_first - self._mean) / self._std).float()
        found = interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=True).sigmoid()
        maps = interpolate(found, images.shape[2:], mode="bilinear", align_corners=False)
        return Detection(maps[:, 0].clamp(0, 1), scores=found.flatten(1).amax(dim=1))
