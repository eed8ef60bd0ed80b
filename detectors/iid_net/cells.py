"""The cells that IID-Net's architecture search came up with (Wu and Zhou, 2022).

Submodules are named and numbered as in the published state dict.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from torch import Tensor, nn

Operation = Literal["separable", "k3", "k5", "identity"]
GENOTYPES: tuple[tuple[Operation, Operation, Operation], ...] = (
    ("k3", "identity", "separable"),
    ("k5", "separable", "separable"),
    ("identity", "k5", "separable"),
    ("k3", "separable", "k3"),
    ("separable", "k5", "separable"),
    ("separable", "k3", "separable"),
    ("k5", "identity", "k5"),
    ("identity", "identity", "separable"),
    ("k5", "k5", "separable"),
    ("separable", "k3", "identity"),
)
"""The second, third and fourth operation of each cell; the first is separable in all."""


class Separable(nn.Module):
    """Depthwise 3x3, batch norm, 1x1."""

    def __init__(self, channels: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels, channels, 3, stride=stride, padding=dilation, dilation=dilation, groups=channels, bias=False
        )
        self.bn = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x O x h x w, at half the size where the stride is 2."""
        mixed: Tensor = self.pointwise(self.bn(self.conv1(x)))
        return mixed


class Plain(nn.Module):
    """ReLU, depthwise k x k, 1x1, batch norm without gain and bias; never dilated."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.op = nn.Sequential(nn.ReLU(), depthwise, pointwise, nn.BatchNorm2d(channels, affine=False))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        mixed: Tensor = self.op(x)
        return mixed


class Cell(nn.Module):
    """Four operations, each behind a ReLU and before a batch norm, beside the identity or a strided 1x1."""

    def __init__(self, number: int, channels: int, outputs: int, stride: int, dilation: int) -> None:
        super().__init__()
        first: Iterable[nn.Module] = (nn.ReLU(),) if number > 1 else ()
        layers = [*first, Separable(channels, outputs, dilation=dilation), nn.BatchNorm2d(outputs)]
        a, b, c = GENOTYPES[number - 1]
        for operation, step, spread in ((a, 1, dilation), (b, 1, dilation), (c, stride, 1)):
            layers += [nn.ReLU(), _operation(operation, outputs, step, spread), nn.BatchNorm2d(outputs)]
        self.rep = nn.Sequential(*layers)
        whole = stride == 1
        self.skip = nn.Identity() if whole else nn.Conv2d(channels, outputs, 1, stride=stride, bias=False)
        self.skipbn = nn.Identity() if whole else nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x O x h x w, at half the size where the stride is 2."""
        total: Tensor = self.rep(x) + self.skipbn(self.skip(x))
        return total


def _operation(name: Operation, channels: int, stride: int, dilation: int) -> nn.Module:
    if name == "separable":
        return Separable(channels, channels, stride, dilation)
    return nn.Identity() if name == "identity" else Plain(channels, int(name[1]))
