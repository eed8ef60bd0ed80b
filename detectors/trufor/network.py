"""TruFor: colours and Noiseprint++ to a map, its confidence and a score (Guillaro et al., CVPR 2023).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear

from .._confidence import pooled
from .._mix_transformer import WIDTHS
from .._noiseprint_pp import NoiseprintPP
from .._tokens import to_map, to_tokens
from .encoder import Encoder

DECODED = 512


class Answer(NamedTuple):
    """All at the picture's size, before softmax and sigmoids."""

    map: Tensor
    """Logits, B x 2 x H x W: pristine, forged."""
    confidence: Tensor
    """Logit, B x 1 x H x W."""
    score: Tensor
    """Logit, B."""


class Linear(nn.Module):
    """A linear layer on every position of a map, and a second one behind it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, DECODED)

    def forward(self, x: Tensor, then: Tensor) -> Tensor:
        """B x C x h x w to B x O x h x w; `then` is O x 512, the second layer, which has no bias.

        Both are one matrix, far smaller than the numbers between them.
        """
        tokens = linear(to_tokens(x), then @ self.proj.weight, then @ self.proj.bias)
        return to_map(tokens, (x.shape[2], x.shape[3]))


class Decoder(nn.Module):
    """All scales brought to the finest one, mixed, and read off.

    `eps` is that of its batch norm: the released code has another one in each of its two decoders.
    """

    def __init__(self, outputs: int, eps: float) -> None:
        super().__init__()
        self.linear_c1, self.linear_c2, self.linear_c3, self.linear_c4 = (Linear(width) for width in WIDTHS)
        self.linear_fuse = nn.Sequential(
            nn.Conv2d(4 * DECODED, DECODED, 1), nn.BatchNorm2d(DECODED, eps=eps), nn.ReLU(inplace=True)
        )
        self.linear_pred = nn.Conv2d(DECODED, outputs, 1)

    def forward(self, fused: list[Tensor]) -> Tensor:
        """The encoder's four maps to B x outputs x h x w at the finest one's size.

        The mixing 1x1 convolution takes the scales side by side, the coarsest first.  It is done on each scale before
        that is brought to the finest size: the two commute, and there are far fewer positions.
        """
        weight, bias = self.linear_fuse[0].parameters()
        shares = weight.flatten(1).chunk(len(fused), dim=1)[::-1]
        linears = (self.linear_c1, self.linear_c2, self.linear_c3, self.linear_c4)
        mixed = bias.view(-1, 1, 1)
        for layer, x, share in zip(linears, fused, shares, strict=True):
            mixed = mixed + _resize(layer(x, then=share), fused[0].shape[2:])
        logits: Tensor = self.linear_pred(self.linear_fuse[1:](mixed))
        return logits


class TruFor(nn.Module):
    """The whole network."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.dncnn = NoiseprintPP()
        self.backbone = Encoder()
        self.decode_head = Decoder(outputs=2, eps=1e-3)
        self.decode_head_conf = Decoder(outputs=1, eps=1e-5)
        self.detection = nn.Sequential(nn.Linear(8, 128), nn.ReLU(inplace=True), nn.Identity(), nn.Linear(128, 1))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Answer:
        """Pictures over 256, B x 3 x H x W."""
        noise = self.dncnn(pictures).expand(-1, 3, -1, -1)
        fused = self.backbone((pictures - self.mean) / self.std, noise)
        size = pictures.shape[2:]
        map_, confidence = (_resize(head(fused), size) for head in (self.decode_head, self.decode_head_conf))
        score = self.detection(pooled(map_, confidence))[:, 0]
        return Answer(map_, confidence, score)


def _resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
