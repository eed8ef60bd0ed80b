"""Networks saved as TorchScript programs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.generic.models import Network, Outputs
from safebench.weights.read import archives
from safebench.weights.read.mistaken import check_holds_numbers


def open_torchscript(path: Path, device: torch.device) -> Network:
    """The program in a file of `torch.jit.save`.

    It runs no Python, but it is a program all the same, part of which may run while it is loaded; PyTorch's security
    policy says to run only those whose maker one trusts.  Raises WeightsError where the file holds none.
    """
    check_holds_numbers(path)
    try:
        with zipfile.ZipFile(path) as archive:
            programs = [name for name in archives.members(archive) if name.endswith("/constants.pkl")]
    except (OSError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: is no TorchScript program ({error})") from None
    if not programs:
        raise WeightsError(f"{path}: is a checkpoint without a program; save one with torch.jit.save")
    try:
        program = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: this program cannot be loaded ({str(error).splitlines()[0]})") from None

    def call(inputs: list[Tensor]) -> Outputs:
        # Optimised, a program's second and third call are other code than its first, and may round otherwise.
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            outputs: Outputs = program(*inputs)
        return outputs

    held = {value.dtype for value in program.parameters() if value.is_floating_point()} - {torch.float32}
    said = " or ".join(sorted(str(dtype).removeprefix("torch.") for dtype in held))
    return Network(call, hint=f'its numbers are {said}: say dtype = "{said}" in its .toml') if said else Network(call)
