"""Any localisation network that was saved as a TorchScript program."""

from __future__ import annotations

from pathlib import Path

import torch

from safebench.models.generic.models import GenericDetector, Network
from safebench.models.generic.torchscript import open_torchscript


class Adapter(GenericDetector):
    """`torchscript:FILE`; FILE.toml says how the network is called."""

    def open(self, path: Path, device: torch.device) -> Network:
        """See `GenericDetector`."""
        return open_torchscript(path, device)
