"""Region-wise separated attention (RWSA), equations 5 and 6 of the paper: a layer for any inpainting network.

attention = RWSA(64)                      # channels of the feature map
features = attention(features, masks)     # features: B x 64 x h x w; masks: B x 1 x H x W, 1 = hole
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.errors import WeightsError

from ._winograd import Conv3x3

KERNEL = 5
"""Side of the Gaussian that softens the border between the regions."""
Attention = Literal["none", "rwsa", "rwsa-down", "rwsa-up"]
"""Where RWSA stands in another network: nowhere, behind the encoder's down-sampling layers (`rwsa`, `rwsa-down`), or
before the decoder's layers (`rwsa-up`).  Section 4.4 of the paper says the first, and 3.1 the second of SafePaint."""


def check_variant(variant: str, attention: Attention, path: Path | None) -> None:
    """Raise WeightsError where a network without RWSA is named for the variant `rwsa`, whose rows it would fill."""
    if variant == "rwsa" and attention == "none":
        raise WeightsError(
            f"{path}: holds a network without RWSA; name it for the model without `:rwsa`, or train one with it "
            "(--set attention=rwsa)"
        )


class RWSA(nn.Module):
    """Weighs a feature map's channels for the known region and for the hole apart, and joins the two.

    With channel attentions A_b, A_m and A_s, the learnable block L, the fusion W, and the softened masks M of the hole
    and N of the known region:

        F' = A_b(F) * N + (L(A_s(F)) + A_m(F)) * M      (equation 5)
        out = W [F', F]                                 (equation 6)

    `channels`: of the feature map; `reduction`: by how much an attention's inner layer is narrower.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.connection = LearnableBlock(channels)
        self.background_attention = ChannelAttention(channels, reduction)
        self.mixed_attention = ChannelAttention(channels, reduction)
        self.spliced_attention = ChannelAttention(channels, reduction)
        self.gaussianMask = Softening()  # named as in the authors' checkpoints, like the parts above
        self.fuser = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """features: B x C x h x w; masks: B x 1 x H x W of any size, in [0, 1], 1 = hole.  Returns B x C x h x w."""
        holes = resize_mask(masks.to(features.dtype), (features.shape[-2], features.shape[-1]))
        known = self.background_attention(features) * self.gaussianMask(1 - holes)
        inside = self.connection(self.spliced_attention(features)) + self.mixed_attention(features)
        separated = known + inside * self.gaussianMask(holes)
        fused: Tensor = self.fuser(torch.cat([separated, features], dim=1))
        return fused


class ChannelAttention(nn.Module):
    """Scales each channel by a number in [0, 1] made from the averages and maxima of all channels."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        inner = max(1, channels // reduction)
        self.fc = nn.Sequential(
            nn.Linear(2 * channels, inner), nn.ReLU(inplace=True), nn.Linear(inner, channels), nn.Sigmoid()
        )

    def forward(self, features: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        pooled = torch.cat([F.adaptive_avg_pool2d(features, 1), F.adaptive_max_pool2d(features, 1)], dim=1)
        scales: Tensor = self.fc(pooled.flatten(1))
        return features * scales[:, :, None, None]


class LearnableBlock(nn.Module):
    """Two times convolution, batch norm and ELU; twice as wide in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rconv1 = Conv3x3(channels, 2 * channels, padding=1, bias=False)
        self.rbn1 = nn.BatchNorm2d(2 * channels)
        self.rconv2 = Conv3x3(2 * channels, channels, padding=1, bias=False)
        self.rbn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        inner = elu(self.rbn1(self.rconv1(features)))
        return elu(self.rbn2(self.rconv2(inner)))


class _Elu(torch.autograd.Function):
    """ELU by exp, ten times as fast on a CPU as torch's by expm1, and as exact as a feature has to be (1e-7)."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        result = torch.maximum(features, features.clamp(max=0).exp_().sub_(1))
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (result,) = ctx.saved_tensors
        return gradients[0] * result.clamp(max=0).add_(1)


def elu(features: Tensor) -> Tensor:
    """x where it is positive, exp(x) - 1 elsewhere; any shape."""
    result: Tensor = _Elu.apply(features)
    return result


class Softening(nn.Module):
    """A 5 x 5 Gaussian over the mask, so that the two regions blend.

    The kernel is part of the state, as in the authors' code.  A new one has a standard deviation of sqrt(2), which is
    what their formula gives for the 1 that they ask for.
    """

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        offset = torch.arange(KERNEL, dtype=torch.float32) - KERNEL // 2
        line = torch.exp(-((offset / 2) ** 2))
        kernel = line[:, None] * line[None, :]
        self.register_buffer("weight", (kernel / kernel.sum())[None, None])

    def forward(self, masks: Tensor) -> Tensor:
        """B x 1 x h x w to the same; beyond the border the mask is mirrored, where it is large enough for that."""
        margin = KERNEL // 2
        mode = "reflect" if min(masks.shape[-2:]) > margin else "replicate"
        return F.conv2d(F.pad(masks, (margin,) * 4, mode=mode), self.weight.to(masks.dtype))


def resize_mask(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring masks B x 1 x H x W to the size (h, w) of a feature map, 0 or 1 again.

    Where h and w divide H and W, as the authors do it: of each cell the mean of its first 2 x 2 pixels is rounded, a
    half to 0.  Elsewhere the mean of the whole cell is; a mask smaller than the features is repeated.
    """
    height, width = masks.shape[-2:]
    if (height, width) == size:
        return masks
    if height % size[0] == 0 and width % size[1] == 0:
        strides = (height // size[0], width // size[1])
        return torch.round(F.avg_pool2d(masks, [min(2, s) for s in strides], strides))
    return torch.round(F.adaptive_avg_pool2d(masks, size))


class Placed(nn.ModuleDict):
    """RWSA between the layers of a row: `channels` of the feature map by the number of the layer that it stands before.

    A row without any has the state that it had.
    """

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__({str(k): RWSA(count) for k, count in channels.items()})

    def through(self, layers: nn.Sequential, features: Tensor, masks: Tensor) -> Tensor:
        """What the row makes of the features B x C x h x w; masks: B x 1 x H x W, 1 = hole."""
        for k in range(len(layers) + 1):
            if str(k) in self:
                features = self[str(k)](features, masks)
            if k < len(layers):
                features = layers[k](features)
        return features


def placed(attention: Attention, down: Mapping[int, int], up: Mapping[int, int]) -> tuple[Placed, Placed]:
    """The RWSA of an encoder and of a decoder; `down` and `up` are the places that each offers, as in `Placed`."""
    return (
        Placed(down if attention in ("rwsa", "rwsa-down") else {}),
        Placed(up if attention == "rwsa-up" else {}),
    )
