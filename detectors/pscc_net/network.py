"""PSCC-Net's backbone: a small HRNet whose stem keeps the picture's resolution (Liu et al., 2022).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips

from .layers import BasicBlock, Bottleneck, conv_norm

WIDTHS = (18, 36, 72, 144)
"""Channels of the four branches, each at half the size of the one before."""
BLOCKS = 2


class Exchange(nn.Module):
    """Each branch refined by itself, then the sum of all, brought to its size."""

    def __init__(self, branches: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(BLOCKS))) for width in WIDTHS[:branches]
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_route(source, target) for source in range(branches)) for target in range(branches)
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """The branches' features, finest first, to as many of the same shapes."""
        refined = [branch(x) for branch, x in zip(self.branches, features, strict=True)]
        return [self._sum(target, refined) for target in range(len(refined))]

    def _sum(self, target: int, refined: list[Tensor]) -> Tensor:
        size = refined[target].shape[2:]
        total = refined[target]
        for source, x in enumerate(refined):
            if source == target:
                continue
            routed = self.fuse_layers[target][source](x)  # type: ignore[index]  # a list of lists
            total = total + (resize(routed, size) if source > target else routed)
        return total.relu_()


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
        self.stage2 = nn.Sequential(Exchange(2))
        self.transition2 = _branch_off(2)
        self.stage3 = nn.Sequential(Exchange(3))
        self.transition3 = _branch_off(3)
        self.stage4 = nn.Sequential(Exchange(4))

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


def _route(source: int, target: int) -> nn.Module:
    """From a branch to another: coarser ones by 1x1 convolution, finer ones by stride-2 steps."""
    if source == target:
        return nn.Identity()
    if source > target:
        return conv_norm(WIDTHS[source], WIDTHS[target], 1, relu=False)
    steps = [conv_norm(WIDTHS[source], WIDTHS[source], 3, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, conv_norm(WIDTHS[source], WIDTHS[target], 3, stride=2, relu=False))


def _branch_off(branches: int) -> nn.ModuleList:
    """The step to one branch more: those that exist pass through, the new one starts from the coarsest."""
    new = nn.Sequential(conv_norm(WIDTHS[branches - 1], WIDTHS[branches], 3, stride=2))
    return nn.ModuleList([*(nn.Identity() for _ in range(branches)), new])
