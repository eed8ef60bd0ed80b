"""Where a model's networks run, and how."""

from __future__ import annotations

import torch
from torch import nn

from safebench.errors import ConfigError
from safebench.models.contracts import Detector, Inpainter
from safebench.models.processor import has_bf16


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


def why_not_bf16(device: str) -> str:
    """A sentence for who asked for bf16 where that is slower than fp32, and is not done; "" elsewhere.

    device: as for `pick_device`.
    """
    if pick_device(device).type != "cpu" or has_bf16():
        return ""
    return "--precision bf16: this processor has no instructions for it and would take many times as long: it is fp32"


def compile_networks(model: Inpainter | Detector) -> None:
    """Compile the networks that a model holds (torch.compile); one that has none is left as it is."""
    for part in vars(model).values():
        if isinstance(part, nn.Module):
            part.compile()
