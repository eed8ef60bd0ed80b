"""MVSS-Net: a ResNet-50 of the colours and one of a constrained residual, joined by dual attention (ICCV 2021).

Submodules are named as in the published state dict.  The branch of edges, which only training looks at, is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._bayar import BayarConv
from .._residual_blocks import Bottleneck, conv_norm

NOT_USED = ("erb_", "sobel_", "model.fc.", "noise_extractor.model.fc.")
"""What the published file holds besides: the branch of edges, and the classifiers of ImageNet."""
FEATURES = 2048
"""Channels of a ResNet-50's last stage."""
_GRAY = (0.1140, 0.5870, 0.2989)
"""Of blue, green and red, the network's order of colours."""


class MVSSNet(nn.Module):
    """Normalised colours to the logit of each pixel at a sixteenth of the size."""

    gray: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.model = ResNet()
        self.noise_extractor = nn.ModuleDict({"model": ResNet()})
        self.constrain_conv = BayarConv(1, 3)
        self.head = DualAttention(2 * FEATURES)
        self.register_buffer("gray", torch.tensor(_GRAY).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x H x W, blue first, normalised, to logits, B x 1 x H/16 x W/16."""
        residual = self.constrain_conv((x * self.gray).sum(dim=1, keepdim=True))
        logits: Tensor = self.head(torch.cat([self.model(x), self.noise_extractor["model"](residual)], dim=1))
        return logits


class ResNet(nn.Module):
    """ResNet-50 up to its last stage, which is dilated instead of reduced."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, 64, [1, 1, 1])
        self.layer2 = _stage(256, 128, [1, 1, 1, 1], stride=2)
        self.layer3 = _stage(512, 256, [1, 1, 1, 1, 1, 1], stride=2)
        self.layer4 = _stage(1024, 512, [1, 2, 4])

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x H x W to B x 2048 x H/16 x W/16."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        features: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return features


class DualAttention(nn.Module):
    """Attention over positions and over channels, side by side, and what their sum says of each position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 4
        self.conv_p1, self.conv_c1 = conv_norm(channels, inner, 3), conv_norm(channels, inner, 3)
        self.pam, self.cam = PositionAttention(inner), ChannelAttention()
        self.conv_p2, self.conv_c2 = conv_norm(inner, inner, 3), conv_norm(inner, inner, 3)
        self.out = nn.Sequential(nn.Identity(), nn.Conv2d(inner, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x 1 x h x w."""
        positions = self.conv_p2(self.pam(self.conv_p1(x)))
        channels = self.conv_c2(self.cam(self.conv_c1(x)))
        logits: Tensor = self.out(positions + channels)
        return logits


class PositionAttention(nn.Module):
    """Each position takes in all others, as far as they are like it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_b, self.conv_c = nn.Conv2d(channels, channels // 8, 1), nn.Conv2d(channels, channels // 8, 1)
        self.conv_d = nn.Conv2d(channels, channels, 1)
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        query, key, value = (layer(x).flatten(2).mT for layer in (self.conv_b, self.conv_c, self.conv_d))
        taken = nn.functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        return self.alpha * taken.mT.reshape(x.shape) + x


class ChannelAttention(nn.Module):
    """Each channel takes in all others, as far as they are unlike it."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        flat = x.flatten(2)
        alike = flat @ flat.mT
        taken = (alike.amax(dim=-1, keepdim=True) - alike).softmax(dim=-1) @ flat
        return self.beta * taken.view_as(x) + x


def _stage(channels: int, width: int, dilations: list[int], stride: int = 1) -> nn.Sequential:
    first, *others = dilations
    blocks = [Bottleneck(4 * width, width, 4, dilation=dilation) for dilation in others]
    return nn.Sequential(Bottleneck(channels, width, 4, stride=stride, dilation=first), *blocks)
