"""IML-ViT: a plain ViT, a feature pyramid of its last answer, and a head that reads all scales (Ma et al., 2023).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from .._channel_norm import ChannelNorm
from .encoder import EPS, WIDTH, Encoder

PYRAMID = 256
"""Channels of each scale of the pyramid."""
SCALES = 5


class NormedConv(nn.Conv2d):
    """A convolution without bias, and a norm over channels behind it."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__(channels, PYRAMID, kernel, padding=kernel // 2, bias=False)
        self.norm = ChannelNorm(PYRAMID, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x PYRAMID x h x w."""
        normed: Tensor = self.norm(super().forward(x))
        return normed


class Pyramid(nn.ModuleDict):
    """One map at four times, twice, once and half its size, and at a quarter."""

    def __init__(self) -> None:
        half, quarter = WIDTH // 2, WIDTH // 4
        four_times = [_doubled(WIDTH, half), ChannelNorm(half, eps=EPS), nn.GELU(), _doubled(half, quarter)]
        super().__init__(
            {
                "simfp_2": nn.Sequential(*four_times, *_to_pyramid(quarter)),
                "simfp_3": nn.Sequential(_doubled(WIDTH, half), *_to_pyramid(half)),
                "simfp_4": nn.Sequential(*_to_pyramid(WIDTH)),
                "simfp_5": nn.Sequential(nn.MaxPool2d(2), *_to_pyramid(WIDTH)),
            }
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """B x WIDTH x h x w to the maps of five scales, finest first, B x PYRAMID x ..."""
        scales = [stage(x) for stage in self.values()]
        return [*scales, scales[-1][:, :, ::2, ::2]]


class Head(nn.Module):
    """All scales brought to the finest one, mixed, and read off."""

    def __init__(self) -> None:
        super().__init__()
        self.linear_fuse = nn.Conv2d(SCALES * PYRAMID, PYRAMID, 1)
        self.norm = nn.BatchNorm2d(PYRAMID)
        self.linear_predict = nn.Conv2d(PYRAMID, 1, 1)

    def forward(self, scales: list[Tensor]) -> Tensor:
        """The pyramid's maps to logits at the finest one's size, B x 1 x h x w.

        The 1x1 convolution is done on each scale before that is brought to the finest size: the two commute, and there
        are far fewer positions.
        """
        size = scales[0].shape[2:]
        mixed = self.linear_fuse.bias.view(-1, 1, 1)  # type: ignore[union-attr]
        for x, share in zip(scales, self.linear_fuse.weight.chunk(SCALES, dim=1), strict=True):
            mixed = mixed + resize(conv2d(x, share), size)
        logits: Tensor = self.linear_predict(self.norm(mixed))
        return logits


class IMLViT(nn.Module):
    """Square pictures to logits at a quarter of the size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.encoder_net = Encoder(side)
        self.featurePyramid_net = Pyramid()
        self.predict_head = Head()

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised, B x 3 x side x side, to B x 1 x side/4 x side/4."""
        logits: Tensor = self.predict_head(self.featurePyramid_net(self.encoder_net(pictures)))
        return logits


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear, as everywhere in IML-ViT."""
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _doubled(channels: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, outputs, 2, stride=2)


def _to_pyramid(channels: int) -> tuple[nn.Module, nn.Module]:
    return NormedConv(channels, 1), NormedConv(PYRAMID, 3)
