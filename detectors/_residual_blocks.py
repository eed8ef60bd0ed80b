"""Residual blocks of the ResNet and HRNet families."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def conv_norm(channels: int, outputs: int, kernel: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """Convolution without bias, batch norm and, where asked for, ReLU."""
    conv = nn.Conv2d(channels, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    layers: Sequence[nn.Module] = (conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
    return nn.Sequential(*layers[: 3 if relu else 2])


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, or beside a 1x1 convolution where the channels change."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity() if channels == outputs else conv_norm(channels, outputs, 1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x channels x h x w to B x outputs x h x w."""
        inner: Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return inner.add_(self.downsample(x)).relu_()


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside the identity, or beside a 1x1 convolution where channels or size change."""

    def __init__(self, channels: int, width: int, expansion: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = width * expansion
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        same = channels == outputs and stride == 1
        self.downsample = nn.Identity() if same else conv_norm(channels, outputs, 1, stride=stride, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x (width * expansion) x h/stride x w/stride, rounded up."""
        inner = self.relu(self.bn1(self.conv1(x)))
        inner = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(inner)))))
        return inner.add_(self.downsample(x)).relu_()
