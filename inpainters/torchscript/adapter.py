"""Any inpainting network that was saved as a TorchScript program."""

from __future__ import annotations

from pathlib import Path

import torch

from safebench.models.generic.models import GenericInpainter, Network
from safebench.models.generic.torchscript import open_torchscript


class Adapter(GenericInpainter):
    """`torchscript:FILE`; FILE.toml says how the network is called."""

    def open(self, path: Path, device: torch.device) -> Network:
        """See `GenericInpainter`."""
        return open_torchscript(path, device)
