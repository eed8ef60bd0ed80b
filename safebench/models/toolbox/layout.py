"""Channels-last, the memory layout in which convolutions are the fastest on CPUs, where torch bears it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from safebench.models.processor import has_avx512

N = TypeVar("N", bound=nn.Module)


def fastest_layout(*networks: nn.Module) -> torch.memory_format:
    """The layout for networks and what they are given: channels-last, but not where it can end the process.

    On processors without AVX-512 torch's convolutions (2.14.1: the gradient of `Conv2d(4, 8, 1, stride=2)`) write past
    their memory in channels-last, where a layer's input channels are no multiple of 8.
    """
    narrow = any(
        channels % 8 and weight.device.type == "cpu"
        for network in networks
        for layer in network.modules()
        for channels, weight in _filters(layer)
    )
    return torch.contiguous_format if narrow and not has_avx512() else torch.channels_last


def in_fastest_layout(network: N) -> N:
    """The network itself, its weights in its `fastest_layout`."""
    return network.to(memory_format=fastest_layout(network))


def _filters(layer: nn.Module) -> Iterator[tuple[int, Tensor]]:
    """The filters that lie in a layer itself, each with the number of input channels."""
    for weight in layer.parameters(recurse=False):
        if weight.dim() == 4:
            yield (layer.in_channels if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) else weight.shape[1]), weight
