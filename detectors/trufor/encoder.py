"""TruFor's encoder: two Mix Transformers, one for the colours and one for the noise, that correct each other.

The Mix Transformer is SegFormer's MiT-B2 (Xie et al., 2021); rectifying and fusing the two streams is CMX's
(Zhang et al., 2023).  Submodules are named as in the published state dict.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from .fusion import Fuse, Rectify
from .tokens import Size, heads_apart, heads_together, to_map, to_tokens

WIDTHS = (64, 128, 320, 512)
DEPTHS = (3, 4, 6, 3)
HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
"""By how much each stage's keys and values are thinned out, a side."""
STREAMS = ("", "extra_")
"""How the keys of the colour and of the noise stream begin."""
BLOCK_EPS = 1e-6


class PatchEmbedding(nn.Module):
    """Overlapping patches to tokens."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> tuple[Tensor, Size]:
        """B x C x H x W to tokens, B x (h * w) x width, and (h, w)."""
        x = self.proj(x)
        return self.norm(to_tokens(x)), (x.shape[2], x.shape[3])


class Attention(nn.Module):
    """Self-attention whose keys and values come from a thinned-out map; a remainder at its edge is dropped."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.thinned = reduction > 1
        if self.thinned:
            self.sr = nn.Conv2d(width, width, reduction, stride=reduction)
            self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        few = self.norm(to_tokens(self.sr(to_map(x, size)))) if self.thinned else x
        query, key, value = (heads_apart(t, self.heads) for t in (self.q(x), *self.kv(few).chunk(2, dim=-1)))
        attended = scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(heads_together(attended))
        return projected


class Depthwise(nn.Module):
    """A 3x3 convolution for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        return to_tokens(self.dwconv(to_map(x, size)))


class FeedForward(nn.Module):
    """Two linear layers with a depthwise convolution between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.dwconv = Depthwise(4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        mixed: Tensor = self.fc2(gelu(self.dwconv(self.fc1(x), size)))
        return mixed


class Block(nn.Module):
    """Attention and feed-forward, each behind a layer norm and beside the identity."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.attn = Attention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        x = x + self.attn(self.norm1(x), size)
        mixed: Tensor = x + self.mlp(self.norm2(x), size)
        return mixed


class Encoder(nn.ModuleDict):
    """Both streams through four stages; after each they rectify each other and are fused."""

    def __init__(self) -> None:
        parts: dict[str, nn.Module] = {}
        for stage, (width, heads, reduction) in enumerate(zip(WIDTHS, HEADS, REDUCTIONS, strict=True)):
            for stream in STREAMS:
                channels, kernel, stride = (WIDTHS[stage - 1], 3, 2) if stage else (3, 7, 4)
                blocks = (Block(width, heads, reduction) for _ in range(DEPTHS[stage]))
                parts[f"{stream}patch_embed{stage + 1}"] = PatchEmbedding(channels, width, kernel, stride)
                parts[f"{stream}block{stage + 1}"] = nn.ModuleList(blocks)
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
