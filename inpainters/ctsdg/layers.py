"""CTSDG's building blocks: partial convolution, gated fusion, contextual aggregation (Guo et al., 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DILATIONS = (1, 2, 4, 8)
ATTENTION_BLOCK = 4096
"""Positions whose attention is held at a time: it bounds the memory at large sizes."""


class PartialConv(nn.Module):
    """Convolution that sees known positions alone and is weighted up for the unknown, batch norm, activation.

    Its input is one group of channels, or several side by side, each group with a mask of its own (1 = known,
    the same for all its channels).
    """

    def __init__(self, groups: tuple[int, ...], outputs: int, kernel: int, down: bool, norm: bool = True) -> None:
        super().__init__()
        self.groups = groups
        self.conv = nn.Conv2d(sum(groups), outputs, kernel, stride=2 if down else 1, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()
        self.slope = 0.0 if down else 0.2

    def forward(self, features: tuple[Tensor, ...], masks: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """For each group its features (B x C x h x w) and mask (B x 1 x h x w) to the result and its mask."""
        seen = torch.cat([f * m for f, m in zip(features, masks, strict=True)], dim=1)
        known = self._known(masks)
        window = sum(self.groups) * self.conv.kernel_size[0] ** 2
        factor = torch.where(known > 0, window / known.clamp(min=1), 0)
        return F.leaky_relu(self.bn(self.conv(seen) * factor), self.slope), known.clamp(max=1)

    def _known(self, masks: tuple[Tensor, ...]) -> Tensor:
        """How many known input values lie in each output position's window; padding counts as unknown."""
        counts = torch.cat([m * c for m, c in zip(masks, self.groups, strict=True)], dim=1).sum(dim=1, keepdim=True)
        ones = counts.new_ones(1, 1, *self.conv.kernel_size)
        return F.conv2d(counts, ones, stride=self.conv.stride, padding=self.conv.padding)


class GatedFusion(nn.Module):
    """Bi-directional gated feature fusion: structure flows into texture, then texture into structure."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.structure_gate = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Sigmoid())
        self.texture_gate = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Sigmoid())
        self.structure_gamma = nn.Parameter(torch.zeros(1))
        self.texture_gamma = nn.Parameter(torch.zeros(1))

    def forward(self, texture: Tensor, structure: Tensor) -> Tensor:
        """Both B x C x H x W; returns B x 2C x H x W, texture first."""
        both = torch.cat([texture, structure], dim=1)
        texture = texture + self.texture_gamma * self.structure_gate(both) * structure
        structure = structure + self.structure_gamma * self.texture_gate(both) * texture
        return torch.cat([texture, structure], dim=1)


def attend(features: Tensor) -> Tensor:
    """Every 2x2 block rebuilt from all others that resemble it (region affinity learning).

    features: B x C x h x w, sides even; returns the same shape.  3x3 patches of the halved map, divided by their
    norm, are compared with those around each position; the softmax of the likenesses weighs the 4x4 patches of
    the full map, which are laid over one another.
    """
    height, width = features.shape[2:]
    halved = F.interpolate(features, scale_factor=0.5, mode="bilinear", align_corners=True)
    windows = F.unfold(halved, 3, padding=1)
    keys = windows / windows.norm(dim=1, keepdim=True).clamp(min=1e-4)
    patches = F.unfold(features, 4, stride=2, padding=1)
    rebuilt = torch.empty_like(patches)
    for image in range(len(features)):
        for start in range(0, windows.shape[2], ATTENTION_BLOCK):
            block = slice(start, start + ATTENTION_BLOCK)
            likeness = keys[image].T @ windows[image][:, block]
            attention = (10 * likeness).softmax(dim=0).clamp(min=1e-8)
            rebuilt[image][:, block] = patches[image] @ attention
    return F.fold(rebuilt, (height, width), 4, stride=2, padding=1) / 4


class MultiScale(nn.Module):
    """Four dilated convolutions, mixed by weights of each pixel's own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for index, dilation in enumerate(DILATIONS):
            conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
            self.add_module(f"dilated_conv_{index}", nn.Sequential(conv, nn.ReLU(inplace=True)))
        self.weight_calc = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, len(DILATIONS), 1),
            nn.ReLU(inplace=True),
            nn.Softmax(dim=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        shares = self.weight_calc(x).split(1, dim=1)
        mixed = [share * self.get_submodule(f"dilated_conv_{index}")(x) for index, share in enumerate(shares)]
        return torch.stack(mixed).sum(dim=0)


class Aggregation(nn.Module):
    """Contextual feature aggregation: attention, then the mix of scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.msfa = MultiScale(channels)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        mixed: Tensor = self.msfa(attend(x))
        return mixed
