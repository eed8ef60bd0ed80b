"""Any localisation network that was saved as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

import torch

from safebench.models.generic.models import GenericDetector, Network
from safebench.models.generic.onnx import open_onnx


class Adapter(GenericDetector):
    """`onnx:FILE`; FILE.toml says how the network is called."""

    def open(self, path: Path, device: torch.device) -> Network:
        """See `GenericDetector`."""
        return open_onnx(path, device)
