"""IID-Net: residual filters, searched cells, attention over the whole picture, decision (Wu and Zhou, 2022).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips, doubled

from .cells import Cell

WIDTH = 256
NEIGHBOURS = 15
"""The attention looks at so many of the most alike positions, each position itself among them."""
ALIKE = 0.5
"""The least cosine, on average over the picture, of a rank of neighbours that counts."""
COMPARED = 1 << 26
"""So many pairs of positions are compared at a time: it bounds the memory at large sizes."""
DOUBLINGS = ((0, 7), (7, 14), (14, 16))
"""Where in the decision each doubling and its convolutions begin and end."""


def network_input(images: Tensor) -> Tensor:
    """RGB in [0, 1] to what the network takes, BGR in [-1, 1]; both B x 3 x H x W."""
    return 2 * images.flip(1) - 1


def constrained(filters: Tensor, *, every_filter: bool = False) -> Tensor:
    """The filters that the constrained convolution uses, made from the stored ones, O x I x 5 x 5.

    All are multiplied by 10,000 and lose their centre; those of output channel 0 are then divided by their sum and get
    -1 there.  (Bayar's layer does so with all of them, as does this with `every_filter`; the authors' code, and so the
    published weights, with these.)
    The authors' code also stores the result in place of the filters, so that on one GPU each picture changes the
    network for the next.  Here it is a pure function: every picture meets the network as it was loaded.
    """
    centre = torch.zeros_like(filters)
    centre[:, :, filters.shape[2] // 2, filters.shape[3] // 2] = 1
    scaled = filters * 10000 * (1 - centre)
    count = len(filters) if every_filter else 1
    first = scaled[:count] / scaled[:count].sum(dim=(2, 3), keepdim=True) - centre[:count]
    return torch.cat([first, scaled[count:]])


class Attention(nn.Module):
    """Beside the feature: its mean with the most alike features of the picture, and a fixed local average."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.local_att = nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x 3C x h x w: the feature, the global and the local one.

        How many neighbours count is decided for each picture by itself (the authors average over a batch, but test
        with batches of one).
        """
        alike = torch.stack([_mean_of_alike(image.flatten(1).T).T.view_as(image) for image in x])
        return torch.cat([x, alike, self.local_att(x)], dim=1)


class IIDNet(nn.Module):
    """The whole network.

    width: channels of the cells from the second on, 256 in the paper and a multiple of 8; the stem and the first cell
    have an eighth, a quarter and a half of it.  every_filter: see `constrained`.
    """

    def __init__(self, width: int = WIDTH, *, every_filter: bool = False) -> None:
        super().__init__()
        self.every_filter = every_filter
        self.normal_conv = nn.Conv2d(3, 3, 5, padding=2, bias=False)
        self.bayar_conv = nn.Conv2d(3, 3, 5, padding=2, bias=False)
        self.pf_conv = nn.Conv2d(3, 9, 3, padding=1, bias=False)
        self.conv1 = nn.Conv2d(15, width // 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 8)
        self.conv2 = nn.Conv2d(width // 8, width // 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 4)
        self.cell1 = Cell(1, width // 4, width // 2, stride=2, dilation=1)
        self.cell2 = Cell(2, width // 2, width, stride=2, dilation=1)
        for number in range(3, 11):
            cell = Cell(number, width, width, stride=1, dilation=1 if number == 3 else 2)
            self.add_module(f"cell{number}", cell)
        self.att = Attention(width)
        self.decision = nn.Sequential(
            _double(),
            *_conv(3 * width, width),
            *_conv(width, width),
            _double(),
            *_conv(width, width),
            *_conv(width, width),
            _double(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """BGR in [-1, 1], B x 3 x H x W, to the logits of its map, B x 1 x H x W.

        The decision's logits go through a 3x3 median, which takes their border, and are brought to the picture's size.
        """
        logits = self.decide(self.extract(x))
        windows = F.unfold(logits, 3).view(len(x), 9, logits.shape[2] - 2, logits.shape[3] - 2)
        return F.interpolate(windows.median(dim=1, keepdim=True).values, size=x.shape[2:], mode="nearest")

    def enhance(self, x: Tensor) -> Tensor:
        """The picture to a quarter of the width at half its size: its residuals, mixed."""
        with torch.autocast(
            x.device.type, enabled=False
        ):  # in bf16 the picture's rounding would outweigh its residuals
            bayar = F.conv2d(x, constrained(self.bayar_conv.weight, every_filter=self.every_filter), padding=2)
            residuals = torch.cat([self.normal_conv(x), bayar, self.pf_conv(x)], dim=1)
        mixed = F.relu(self.bn1(self.conv1(residuals)))
        return F.relu(self.bn2(self.conv2(mixed)))

    def extract(self, x: Tensor) -> Tensor:
        """The picture through enhancement and the ten cells: B x 3 x H x W to B x `width` x H/8 x W/8, rounded up."""
        (x,) = by_strips(self._begin, x, radius=32, strides=(8,))
        for number in range(3, 11):
            x = self.get_submodule(f"cell{number}")(x)
        return x

    def _begin(self, x: Tensor) -> tuple[Tensor]:
        """Down to an eighth: the residuals see 5 pixels far, the first cell 6 more, the second 20."""
        return (self.cell2(self.cell1(self.enhance(x))),)

    def decide(self, x: Tensor) -> Tensor:
        """Attention and decision: `width` channels to one logit, at eight times the size."""
        x = self.att(x)
        for first, end in DOUBLINGS:  # a doubling, then convolutions, each of which sees a row more
            layers = self.decision[first + 1 : end]
            x = doubled(layers, x, radius=sum(isinstance(layer, nn.Conv2d) for layer in layers))
        return x


def _mean_of_alike(features: Tensor) -> Tensor:
    """Each of N x C features averaged with those most like it."""
    squares = features.square().sum(dim=1)
    cosines, neighbours = [], []
    count = max(COMPARED // len(features), 1)
    for block in range(0, len(features), count):
        rows = slice(block, block + count)
        lengths = (squares[rows, None] * squares).sqrt().clamp(min=1e-12)
        best = (features[rows] @ features.T / lengths).topk(NEIGHBOURS, dim=1)
        cosines.append(best.values)
        neighbours.append(best.indices)
    ranks = int((torch.cat(cosines).mean(dim=0) >= ALIKE).sum())  # in falling order, the position itself the first
    count = max(2, ranks - 1)  # the last rank that passes is left out, by the authors' code
    others = torch.cat(neighbours)[:, 1:count]
    return (features + features[others].sum(dim=1)) / count


def _conv(channels: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _double() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
