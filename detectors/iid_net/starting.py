"""What IID-Net's filters are before it is trained; all other layers start as torch starts them."""

from __future__ import annotations

import torch
from torch import Tensor

from .network import IIDNet

FAINT = 0.03
"""What the deviation of a photo's residuals is of its own, or thereabouts."""


def initialise(network: IIDNet) -> None:
    """Set the three kinds of residual filters and the attention's kernel.

    - constrained: positive, so that their sums, by which they are divided, stay clear of zero: a random local average,
      less the pixel itself;
    - high-pass: the pixel's difference to its neighbours below, to the right, and below to the right, of all channels,
      three times, learned from there on as in the authors' code;
    - the attention's local average, which is not learned: falls off with the distance.

    And the first mixing layer begins with little of the picture itself, beside which its residuals are faint: a batch
    norm follows that would hide them for long.
    """
    with torch.no_grad():
        network.bayar_conv.weight.uniform_(0.2, 1.0)
        network.pf_conv.weight.copy_(_differences())
        network.conv1.weight[:, : len(network.normal_conv.weight)] *= FAINT
        network.att.local_att.weight.copy_(_local_average())
    network.att.local_att.weight.requires_grad_(False)


def _differences() -> Tensor:
    filters = torch.zeros(9, 3, 3, 3)
    filters[:, :, 1, 1] = -1
    for first, (y, x) in enumerate([(2, 1), (1, 2), (2, 2)]):
        filters[first::3, :, y, x] = 1
    return filters


def _local_average() -> Tensor:
    """5 x 5, 1 + exp(-distance), of sum 1: close to the published kernel, whose origin its authors do not tell."""
    steps = torch.arange(-2.0, 3.0)
    kernel = 1 + torch.exp(-torch.hypot(steps[:, None], steps[None]))
    return kernel / kernel.sum()
