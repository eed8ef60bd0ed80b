"""The first two networks of ZITS: a transformer that goes on with edges and lines, and one that doubles their size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 256
"""Of what the transformer sees."""
GRID = 32
"""The side of its tokens."""
WIDTH, HEADS, BLOCKS = 256, 8, 16
ROUNDS = 5
"""In which a hole is filled, those pixels first that the transformer is surest of."""
EDGE = 0.25
"""From this on a pixel is an edge."""
LINE_SHIFT, LINE_GAIN = 0.05, 4.0
"""Of a line's logit, before its sigmoid."""


class Transformer(nn.Module):
    """Convolutions to a grid of 32 x 32 tokens, blocks that look along rows and columns and at all of it in turn, and
    back; the keys are the published checkpoint's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(6, 64, 7)
        self.conv2, self.conv3, self.conv4 = _halving(64, 128), _halving(128, WIDTH), _halving(WIDTH, WIDTH)
        self.pos_emb = nn.Parameter(torch.empty(1, GRID * GRID, WIDTH))
        self.blocks = nn.Sequential(*(WholeBlock() if k % 2 else AxialBlock() for k in range(BLOCKS)))
        self.ln_f = nn.LayerNorm(WIDTH)
        self.convt1, self.convt2, self.convt3 = _doubling(WIDTH, WIDTH), _doubling(WIDTH, 128), _doubling(128, 64)
        self.convt4 = nn.Conv2d(64, 2, 7)

    def forward(self, picture: Tensor, edges: Tensor, lines: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of edges and of lines, each B x 1 x 256 x 256.

        picture: B x 3 x 256 x 256 in [-1, 1]; edges, lines, hole: B x 1 x 256 x 256 in [0, 1].
        """
        known = 1 - hole
        x = torch.cat([picture * known, edges * known, lines * known, hole], dim=1)
        x = F.relu(self.conv1(F.pad(x, (3, 3, 3, 3), mode="reflect")))
        x = F.relu(self.conv4(F.relu(self.conv3(F.relu(self.conv2(x))))))
        x = x.permute(0, 2, 3, 1) + self.pos_emb.view(1, GRID, GRID, WIDTH)
        x = self.ln_f(self.blocks(x)).permute(0, 3, 1, 2)
        for layer in (self.convt1, self.convt2, self.convt3):
            x = F.relu(layer(x))
        edge, line = self.convt4(F.pad(x, (3, 3, 3, 3), mode="reflect")).chunk(2, dim=1)
        return edge, line


class Attention(nn.Module):
    """Self-attention with eight heads."""

    def __init__(self, *, idle_mask: bool = False) -> None:
        super().__init__()
        self.key, self.query, self.value, self.proj = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        if idle_mask:
            self.register_buffer("mask", torch.empty(1, 1, GRID, GRID))  # in the checkpoint, but idle

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """B x T x C to the same; bias: 8 x T x T, added before the softmax."""
        q, k, v = (layer(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value))
        seen: Tensor = self.proj(F.scaled_dot_product_attention(q, k, v, bias).transpose(1, 2).flatten(2))
        return seen


class AxialBlock(nn.Module):
    """Attention along columns and along rows, each told how far apart two places are; then two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.rln1, self.cln1, self.ln2 = (nn.LayerNorm(WIDTH, eps=1e-4) for _ in range(3))
        self.attn_row, self.attn_col = Attention(), Attention()
        self.ff = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.row_rel_pos_bias, self.col_rel_pos_bias = (nn.Linear(2 * GRID - 1, HEADS, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """B x 32 x 32 x C to the same."""
        columns = x.transpose(1, 2).flatten(0, 1)
        down = self.attn_row(self.rln1(columns), _distances(self.row_rel_pos_bias.weight))
        along = self.attn_col(self.cln1(x.flatten(0, 1)), _distances(self.col_rel_pos_bias.weight))
        x = x + down.view(x.transpose(1, 2).shape).transpose(1, 2) + along.view(x.shape)
        return x + self.ff(self.ln2(x))


class WholeBlock(nn.Module):
    """Attention over all tokens, then two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = Attention(idle_mask=True)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), RoughGelu(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """B x 32 x 32 x C to the same."""
        x = x + self.attn(self.ln1(x).flatten(1, 2)).view(x.shape)
        return x + self.mlp(self.ln2(x))


class RoughGelu(nn.Module):
    """x sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        return x * torch.sigmoid(1.702 * x)


class Doubling(nn.Module):
    """Edges or lines at twice the size, as logits."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(1, 64, 7), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
        self.convs = nn.Sequential(*layers, nn.Conv2d(64, 1, 3, padding=1))
        way_back = nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 3, padding=1)
        self.out = nn.Sequential(*way_back)  # in the checkpoint, but idle: training held the result against the input

    def forward(self, x: Tensor) -> Tensor:
        """B x 1 x H x W to B x 1 x 2H x 2W, in [0, 1] both."""
        doubled = self.convs(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False))
        return torch.sigmoid((doubled + 2) * 2)


def complete(
    network: Transformer, picture: Tensor, edges: Tensor, lines: Tensor, hole: Tensor
) -> tuple[Tensor, Tensor]:
    """Edges (0 or 1) and lines (in [0, 1]) of a whole picture, 1 x 1 x 256 x 256 each.

    Arguments as of `Transformer`, of one picture.  In each of five rounds the network fills in the hole, and keeps of
    it the share 1/5, 2/5, ... of what is left that its two answers together are surest of.
    """
    known, left = 1 - hole, hole.clone()
    picture, edges, lines = picture * known, edges * known, lines * known  # nothing is seen where it was filled in
    for finished in range(1, ROUNDS + 1):
        edge, line = network(picture, edges, lines, left)
        edge, line = torch.sigmoid(edge), torch.sigmoid((line + LINE_SHIFT) * LINE_GAIN)
        edges = (edges + edge * left >= EDGE).to(edges.dtype)
        lines = lines + line * left
        sure = sum(torch.maximum(1 - p, p + 0.5) for p in (edge, line)) - 100 * (1 - left)
        kept = int(finished / ROUNDS * left.sum())
        left.view(-1)[sure.flatten().argsort(descending=True)[:kept]] = 0
        edges, lines = edges * (1 - left), lines * (1 - left)
    return edges, lines


def _halving(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)


def _doubling(channels_in: int, channels_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1)


def _distances(weight: Tensor) -> Tensor:
    """Of each head, what is added for a place i that looks at a place j: 8 x 32 x 32."""
    places = torch.arange(GRID, device=weight.device)
    return weight[:, places[None] - places[:, None] + GRID - 1]
