"""Where a model's networks run, and how."""

from __future__ import annotations

import torch
from torch import nn

from safebench.errors import ConfigError
from safebench.models.contracts import Detector, Inpainter


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU where there is one, else the CPU; raises ConfigError for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"--device {name}: cannot be used here ({str(error).splitlines()[0]})") from None
    return device


def describe_device(name: str) -> str:
    """The device that `--device NAME` means here: `cpu (threads: 2)`, `cuda:0 (NVIDIA ...)`."""
    picked = pick_device(name)
    if picked.type == "cuda":
        return f"{picked} ({torch.cuda.get_device_name(picked)})"
    return f"{picked} (threads: {torch.get_num_threads()})"


def compile_networks(model: Inpainter | Detector) -> None:
    """Compile the networks that a model holds (torch.compile); one that has none is left as it is."""
    for part in vars(model).values():
        if isinstance(part, nn.Module):
            part.compile()
