"""IML-ViT's encoder: a ViT-B that attends within windows, and in every third block to the whole picture (as ViTDet's).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, pad, scaled_dot_product_attention

WIDTH = 768
HEADS = 12
DEPTH = 12
PATCH = 16
WINDOW = 14
"""Patches along the side of a window."""
WHOLE = (2, 5, 8, 11)
"""Blocks that attend to the whole picture."""
EPS = 1e-6
_LEARNED = 14
"""Patches along the side of the pictures whose positions the ViT first learned."""


class Attention(nn.Module):
    """Self-attention that knows how many rows and columns lie between two patches (MViTv2)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, WIDTH // HEADS))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, WIDTH // HEADS))
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """B x side x side x WIDTH to the same."""
        batch, side = len(x), self.side
        query, key, value = self.qkv(x).view(batch, side**2, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        places = torch.arange(side, device=x.device)
        apart = places[:, None] - places + side - 1
        at = query.unflatten(2, (side, side))
        rows = torch.einsum("bnhwc,hkc->bnhwk", at, self.rel_pos_h[apart])
        columns = torch.einsum("bnhwc,wkc->bnhwk", at, self.rel_pos_w[apart])
        nearness = (rows[..., None] + columns[..., None, :]).flatten(4).flatten(2, 3)
        attended = scaled_dot_product_attention(query, key, value, attn_mask=nearness)
        projected: Tensor = self.proj(attended.transpose(1, 2).reshape(x.shape))
        return projected


class FeedForward(nn.Module):
    """Two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """... x WIDTH to the same."""
        mixed: Tensor = self.fc2(gelu(self.fc1(x)))
        return mixed


class Block(nn.Module):
    """Attention and feed-forward, each behind a layer norm and beside the identity.

    side: patches along the side of what attends to itself; windowed: whether that is a window.
    """

    def __init__(self, side: int, windowed: bool) -> None:
        super().__init__()
        self.windowed = windowed
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=EPS), nn.LayerNorm(WIDTH, eps=EPS)
        self.attn, self.mlp = Attention(side), FeedForward()

    def forward(self, x: Tensor) -> Tensor:
        """B x h x w x WIDTH to the same."""
        attended = self._by_windows(self.norm1(x)) if self.windowed else self.attn(self.norm1(x))
        x = x + attended
        mixed: Tensor = x + self.mlp(self.norm2(x))
        return mixed

    def _by_windows(self, x: Tensor) -> Tensor:
        """Windows that reach beyond the picture hold zeros there, and attend to them too, as the weights learned."""
        batch, height, width, _ = x.shape
        down, across = -(-height // WINDOW), -(-width // WINDOW)
        filled = pad(x, (0, 0, 0, across * WINDOW - width, 0, down * WINDOW - height))
        cut = filled.view(batch, down, WINDOW, across, WINDOW, WIDTH).transpose(2, 3)
        attended = self.attn(cut.reshape(-1, WINDOW, WINDOW, WIDTH)).view(cut.shape).transpose(2, 3)
        return attended.reshape(filled.shape)[:, :height, :width]


class Patches(nn.Module):
    """The picture's patches of 16x16."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)

    def forward(self, pictures: Tensor) -> Tensor:
        """B x 3 x H x W to B x H/16 x W/16 x WIDTH."""
        patches: Tensor = self.proj(pictures)
        return patches.permute(0, 2, 3, 1)


class Encoder(nn.Module):
    """All twelve blocks over a square picture of `side` pixels."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.patch_embed = Patches()
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + _LEARNED**2, WIDTH))
        whole = side // PATCH
        self.blocks = nn.ModuleList(
            Block(whole, windowed=False) if number in WHOLE else Block(WINDOW, windowed=True) for number in range(DEPTH)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """B x 3 x side x side to B x WIDTH x side/16 x side/16."""
        x = self.patch_embed(pictures)
        learned = self.pos_embed[:, 1:].mT.reshape(1, WIDTH, _LEARNED, _LEARNED)
        x = x + interpolate(learned, x.shape[1:3], mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = block(x)
        return x.permute(0, 3, 1, 2)
