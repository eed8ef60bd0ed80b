"""Adaptive CFA as a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import to_images
from safebench.weights.read.checkpoints import fit, load_state

from .adapting import evidence
from .consistency import inconsistency, telling_blocks
from .network import MosaicNetwork


class Adapter(Detector):
    """Where the network, trained on on the picture itself, tells another mosaic than that of the whole, or none."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Detector.load`; raises WeightsError where `weights` is no such network."""
        super().load(weights, device)
        self._network = MosaicNetwork()
        fit(self._network, load_state(weights), str(weights))
        self._network.to(device).eval().requires_grad_(False)

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`; pictures go through one by one."""
        return Detection(torch.stack([self._map(images[k : k + 1]) for k in range(len(images))]))

    def _map(self, image: Tensor) -> Tensor:
        """1 x 3 x H x W to H x W, rounded to 16 bits, as maps are stored; a last odd row or column has its
        neighbour's."""
        telling = telling_blocks(to_images(image)[0])
        blocks = inconsistency(evidence(self._network, image, telling, self.seed), telling)
        pixels = blocks.repeat(2, axis=0).repeat(2, axis=1)
        whole = np.pad(pixels, [(0, length % 2) for length in image.shape[2:]], mode="edge")
        return torch.from_numpy((np.rint(whole * 65535) / 65535).astype(np.float32)).to(self.device)
