"""HP-FCN: high-pass filters, ResNet v2 blocks, up-sampling by transposed convolutions (Li and Huang, 2019)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 32
"""Channels within the first block's bottlenecks; each further block has twice as many."""
EXPANSION = 4
BLOCKS = 4
LAST = 4
"""Channels at the picture's full size, before the last convolution."""
MULTIPLE = 2**BLOCKS


class HighPass(nn.Module):
    """Differences of each colour channel to the pixel below, to the right, and below to the right; learned from there.

    B x 3 x H x W to B x 9 x H x W; a colour's three residuals lie side by side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(9, 1, 3, 3))
        with torch.no_grad():
            self.weight[:, :, 1, 1] = -1
            for first, (y, x) in enumerate([(2, 1), (1, 2), (2, 2)]):
                self.weight[first::3, :, y, x] = 1

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), self.weight, groups=3)


class Bottleneck(nn.Module):
    """A unit of ResNet v2 (He et al. 2016, "Identity mappings"): norm and ReLU come before each convolution.

    The sides are divided by `stride`; `outside` channels go out, `inside` lie between.
    """

    def __init__(self, taken: int, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.BatchNorm2d(taken)
        self.narrow = _convolution(taken, inside, 1)
        self.second = nn.BatchNorm2d(inside)
        self.middle = _convolution(inside, inside, 3, stride)
        self.third = nn.BatchNorm2d(inside)
        self.widen = _convolution(inside, outside, 1, bias=True)
        self.stride = stride
        self.project = _convolution(taken, outside, 1, stride, bias=True) if taken != outside else None

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x outside x H/stride x W/stride."""
        ready = self.first(x).relu()
        past = x[:, :, :: self.stride, :: self.stride] if self.project is None else self.project(ready)
        inner = self.middle(self.second(self.narrow(ready)).relu())
        result: Tensor = past + self.widen(self.third(inner).relu())
        return result


class HPFCN(nn.Module):
    """The whole network; `width` is the paper's 32, or less for a quicker one."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.high_pass = HighPass()
        units: list[nn.Module] = []
        taken = 9
        for inside in (width << block for block in range(BLOCKS)):
            outside = EXPANSION * inside
            units += [Bottleneck(taken, inside, outside, 1), Bottleneck(outside, inside, outside, 2)]
            taken = outside
        self.units = nn.Sequential(*units)
        self.up = nn.Sequential(_upsampling(taken, 2 * width), _upsampling(2 * width, LAST))
        self.norm = nn.BatchNorm2d(LAST)
        self.classes = nn.Conv2d(LAST, 2, 5, padding=2)
        nn.init.xavier_uniform_(self.classes.weight)
        nn.init.zeros_(self.classes.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """The two classes' logits, untouched and filled: B x 3 x H x W in [0, 1], sides of multiples of 16, to
        B x 2 x H x W."""
        logits: Tensor = self.classes(self.norm(self.up(self.units(self.high_pass(images)))).relu())
        return logits


def log_odds(logits: Tensor) -> Tensor:
    """Of each pixel to be filled, by the softmax of both classes: B x 2 x H x W to B x 1 x H x W."""
    return logits[:, 1:] - logits[:, :1]


def _convolution(taken: int, given: int, side: int, stride: int = 1, *, bias: bool = False) -> nn.Conv2d:
    layer = nn.Conv2d(taken, given, side, stride, padding=side // 2, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _upsampling(taken: int, given: int, factor: int = 4) -> nn.ConvTranspose2d:
    """Four times the sides; each kernel is bilinear interpolation times a random number of Glorot's spread."""
    layer = nn.ConvTranspose2d(taken, given, 2 * factor, factor, padding=factor // 2, bias=False)
    place = torch.arange(2 * factor)
    tent = 1 - (place - (factor - 0.5)).abs() / factor
    mixing = nn.init.xavier_uniform_(torch.empty(taken, given))
    with torch.no_grad():
        layer.weight.copy_(mixing[..., None, None] * tent[:, None] * tent)
    return layer
