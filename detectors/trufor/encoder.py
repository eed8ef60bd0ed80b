"""TruFor's encoder: two Mix Transformers, one for the colours and one for the noise, that correct each other.

The Mix Transformer is SegFormer's MiT-B2 (Xie et al., 2021); rectifying and fusing the two streams is CMX's
(Zhang et al., 2023).  Submodules are named as in the published state dict.
"""

from __future__ import annotations

from torch import Tensor, nn

from .._cmx import Fuse, Rectify
from .._mix_transformer import BLOCK_EPS, HEADS, PATCHES, WIDTHS, PatchEmbedding, stage_blocks, stage_channels
from .._tokens import to_map

STREAMS = ("", "extra_")
"""How the keys of the colour and of the noise stream begin."""


class Encoder(nn.ModuleDict):
    """Both streams through four stages; after each they rectify each other and are fused."""

    def __init__(self) -> None:
        parts: dict[str, nn.Module] = {}
        for stage, width in enumerate(WIDTHS):
            for stream in STREAMS:
                patches = PatchEmbedding(stage_channels(stage), width, *PATCHES[stage])
                parts[f"{stream}patch_embed{stage + 1}"] = patches
                parts[f"{stream}block{stage + 1}"] = stage_blocks(stage)
                parts[f"{stream}norm{stage + 1}"] = nn.LayerNorm(width, eps=BLOCK_EPS)
        parts["FRMs"] = nn.ModuleList(Rectify(width) for width in WIDTHS)
        parts["FFMs"] = nn.ModuleList(Fuse(*stage) for stage in zip(WIDTHS, HEADS, strict=True))
        super().__init__(parts)

    def forward(self, colours: Tensor, noise: Tensor) -> list[Tensor]:
        """Both B x 3 x H x W, to the fused maps of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the size."""
        streams, fused = (colours, noise), []
        for stage, (rectify, fuse) in enumerate(zip(self["FRMs"], self["FFMs"], strict=True), start=1):  # type: ignore[call-overload]
            first, second = (self._stage(name, stage, x) for name, x in zip(STREAMS, streams, strict=True))
            streams = rectify(first, second)
            fused.append(fuse(*streams))
        return fused

    def _stage(self, stream: str, stage: int, x: Tensor) -> Tensor:
        tokens, size = self[f"{stream}patch_embed{stage}"](x)
        for block in self[f"{stream}block{stage}"]:  # type: ignore[attr-defined]
            tokens = block(tokens, size)
        return to_map(self[f"{stream}norm{stage}"](tokens), size)
