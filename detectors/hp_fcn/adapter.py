"""HP-FCN as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import fit, load_state

from .network import HPFCN, MULTIPLE, WIDTH, log_odds

NARROWEST = "units.0.narrow.weight"
"""Has as many filters as the network is wide."""


class Adapter(Detector):
    """The softmax of what `safebench train hp-fcn` made, of any width."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Detector.load`; raises WeightsError where `weights` is no HP-FCN."""
        super().load(weights, device)
        state = load_state(weights)
        filters = next((value for key, value in state.items() if str(key).endswith(NARROWEST)), None)
        self._network = HPFCN(len(filters) if isinstance(filters, Tensor) and filters.dim() else WIDTH)
        fit(self._network, state, str(weights))
        in_fastest_layout(self._network).to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        height, width = images.shape[2:]
        maps = log_odds(self._network(pad_symmetric(images, MULTIPLE))).sigmoid()
        return Detection(maps=maps[:, 0, :height, :width])
