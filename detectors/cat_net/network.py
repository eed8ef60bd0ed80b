"""CAT-Net v2: an HRNet of the colours and one of the file's DCT coefficients (Kwon et al., IJCV 2022).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips

from .._block_dct import SIDE
from .._hrnet import Exchange, branch_off
from .._residual_blocks import BasicBlock, Bottleneck, conv_norm

WIDTHS = (48, 96, 192, 384)
"""Channels of the colours' branches, at 1/4, 1/8, 1/16 and 1/32 of the picture's size."""
DCT_WIDTHS = (96, 192, 384)
"""Channels of the coefficients' branches, at 1/8, 1/16 and 1/32."""
FUSED_WIDTHS = (24, 48, 96, 192)
BLOCKS = 4
LARGEST = 20
"""Coefficients of this magnitude and more are one class, the last of 21."""
KEPT = 4
"""Channels of each coefficient before a block's 64 are put side by side."""


class CATNet(nn.Module):
    """Colours and coefficients to the logits of pristine and forged at a quarter of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(Bottleneck(64, 64, 4), *(Bottleneck(256, 64, 4) for _ in range(BLOCKS - 1)))
        second = nn.Sequential(conv_norm(256, WIDTHS[1], 3, stride=2))
        self.transition1 = nn.ModuleList([conv_norm(256, WIDTHS[0], 3), second])
        self.stage2 = _stage(WIDTHS[:2], 1)
        self.transition2 = branch_off(WIDTHS[:2], WIDTHS[2])
        self.stage3 = _stage(WIDTHS[:3], 4)
        self.transition3 = branch_off(WIDTHS[:3], WIDTHS[3])
        self.stage4 = _stage(WIDTHS, 3)

        self.dc_layer0_dil = nn.Sequential(
            nn.Conv2d(LARGEST + 1, 64, 3, dilation=SIDE, padding=SIDE), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        )
        self.dc_layer1_tail = conv_norm(64, KEPT, 1)
        blocks = (BasicBlock(DCT_WIDTHS[0], DCT_WIDTHS[0]) for _ in range(BLOCKS - 1))
        self.dc_layer2 = nn.Sequential(BasicBlock(2 * KEPT * SIDE**2, DCT_WIDTHS[0]), *blocks)
        self.dc_transition2 = branch_off(DCT_WIDTHS[:1], DCT_WIDTHS[1])
        self.dc_stage3 = _stage(DCT_WIDTHS[:2], 3)
        self.dc_transition3 = branch_off(DCT_WIDTHS[:2], DCT_WIDTHS[2])
        self.dc_stage4 = _stage(DCT_WIDTHS, 2)

        joined = [width + other for width, other in zip(WIDTHS, (0, *DCT_WIDTHS), strict=True)]
        self.transition4 = nn.ModuleList(conv_norm(*pair, 3) for pair in zip(joined, FUSED_WIDTHS, strict=True))
        self.stage5 = _stage(FUSED_WIDTHS, 1)
        fused = sum(FUSED_WIDTHS)
        self.last_layer = nn.Sequential(
            nn.Conv2d(fused, fused, 1), nn.BatchNorm2d(fused), nn.ReLU(inplace=True), nn.Conv2d(fused, 2, 1)
        )

    def forward(self, colours: Tensor, coefficients: Tensor, table: Tensor) -> Tensor:
        """Logits of pristine and forged, B x 2 x H/4 x W/4; H and W are multiples of 8.

        colours: B x 3 x H x W in [-1, 1].  coefficients: B x 1 x H x W, of the luminance, quantised, each block's in
        the block's place.  table: B x 8 x 8, its quantisation steps.
        """
        seen, coded = self._of_colours(colours), self._of_coefficients(coefficients, table)
        joined = [seen[0], *(torch.cat(pair, dim=1) for pair in zip(seen[1:], coded, strict=True))]
        fused = self.stage5([transition(x) for transition, x in zip(self.transition4, joined, strict=True)])
        size = fused[0].shape[2:]
        logits: Tensor = self.last_layer(torch.cat([fused[0], *(resize(x, size) for x in fused[1:])], dim=1))
        return logits

    def _of_colours(self, colours: Tensor) -> list[Tensor]:
        x = self.relu(self.bn1(self.conv1(colours)))
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        features = self.stage2([transition(x) for transition in self.transition1])
        features = self.stage3([*features, self.transition2[-1](features[-1])])
        features = self.stage4([*features, self.transition3[-1](features[-1])])
        return list(features)

    def _of_coefficients(self, coefficients: Tensor, table: Tensor) -> list[Tensor]:
        # 85 channels at the picture's own size are too many to hold of a large one; the dilated convolution sees 8 rows
        [x] = by_strips(self._classes, coefficients, radius=SIDE)
        batch, _, height, width = x.shape
        blocks = x.view(batch, KEPT, height // SIDE, SIDE, width // SIDE, SIDE).permute(0, 1, 3, 5, 2, 4)
        pair = torch.stack([blocks, blocks * table[:, None, :, :, None, None]], dim=1)
        x = self.dc_layer2(pair.reshape(batch, -1, height // SIDE, width // SIDE))
        features = self.dc_stage3([x, self.dc_transition2[-1](x)])
        features = self.dc_stage4([*features, self.dc_transition3[-1](features[-1])])
        return list(features)

    def _classes(self, coefficients: Tensor) -> list[Tensor]:
        """Each coefficient's magnitude as one of 21 classes, seen beside those of the blocks around."""
        magnitudes = coefficients[:, 0].abs().clamp(max=LARGEST).long()
        classes = F.one_hot(magnitudes, LARGEST + 1).permute(0, 3, 1, 2).to(self.conv1.weight.dtype)
        return [self.dc_layer1_tail(self.dc_layer0_dil(classes))]


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear, as everywhere in CAT-Net."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _stage(widths: Sequence[int], exchanges: int) -> nn.Sequential:
    return nn.Sequential(*(Exchange(widths, BLOCKS, resize) for _ in range(exchanges)))
