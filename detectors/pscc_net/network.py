"""PSCC-Net's backbone: a small HRNet whose stem keeps the picture's resolution (Liu et al., 2022).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips

from .._hrnet import Exchange, branch_off
from .._residual_blocks import Bottleneck, conv_norm

WIDTHS = (18, 36, 72, 144)
"""Channels of the four branches, each at half the size of the one before."""
BLOCKS = 2


class HRNet(nn.Module):
    """Stem and four stages; all four branches of the last are the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(Bottleneck(64, 64, 4), Bottleneck(256, 64, 4))
        second = nn.Sequential(conv_norm(256, WIDTHS[1], 3, stride=2))
        self.transition1 = nn.ModuleList([conv_norm(256, WIDTHS[0], 3), second])
        self.stage2 = _exchange(2)
        self.transition2 = _branch_off(2)
        self.stage3 = _exchange(3)
        self.transition3 = _branch_off(3)
        self.stage4 = _exchange(4)

    def forward(self, image: Tensor) -> list[Tensor]:
        """RGB in [0, 1], B x 3 x H x W, to features of 18, 36, 72 and 144 channels at 1, 1/2, 1/4 and 1/8 its size."""
        # 256 channels at the picture's own size are too many to hold of a large one; five 3x3 convolutions see 5 rows
        features = by_strips(self._begin, image, radius=5, strides=(1, 2))
        features = self.stage2(features)
        features = self.stage3([*features, self.transition2[-1](features[-1])])
        return self.stage4([*features, self.transition3[-1](features[-1])])

    def _begin(self, image: Tensor) -> list[Tensor]:
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        return [transition(x) for transition in self.transition1]


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear, corners aligned, as everywhere in PSCC-Net."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def _exchange(branches: int) -> nn.Sequential:
    return nn.Sequential(Exchange(WIDTHS[:branches], BLOCKS, resize))


def _branch_off(branches: int) -> nn.ModuleList:
    return branch_off(WIDTHS[:branches], WIDTHS[branches])
