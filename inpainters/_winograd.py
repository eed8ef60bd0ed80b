"""3 x 3 convolutions with a quarter of the multiplications, on a CPU (Winograd's minimal filtering).

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016: of each 4 x 4 outputs, the 6 x 6 inputs and the
filter are brought to 36 numbers each, multiplied, and brought back.  Their points 0, 1, -1, 2, -2 lose a digit; those
of `POINTS` do not, so that float32 results are as exact as torch's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.amp import custom_bwd, custom_fwd

OUT, TAPS = 4, 3
SIDE = OUT + TAPS - 1
POINTS = tuple(Fraction(n, 4) for n in (0, 3, -3, 6, -6))
"""Where the polynomials are evaluated, beside infinity."""
WIDE = 128
"""Channels, in and out, from which it is faster."""
BLOCK = 1 << 16
"""Tiles times channels that are worked on at a time: about 10 MB, which stays in the caches."""


def matrices(points: Sequence[Fraction] = POINTS) -> tuple[Tensor, Tensor, Tensor]:
    """A, G and B of y = A' ((G g) * (B d)), by Toom and Cook; float64: 6 x 4, 6 x 3, 6 x 6.

    d: 6 inputs, g: 3 taps, y: their 4 correlations, y[i] = sum of d[i + k] g[k].
    """
    inverse = [1 / prod(p - q for q in points if q != p) for p in points]
    a = [[p**k for k in range(OUT)] for p in points] + [[Fraction(k == OUT - 1) for k in range(OUT)]]
    g = [[p**k * scale for k in range(TAPS)] for p, scale in zip(points, inverse, strict=True)]
    g.append([Fraction(k == TAPS - 1) for k in range(TAPS)])
    b = [[*_polynomial([q for q in points if q != p]), Fraction(0)] for p in points] + [_polynomial(points)]
    first, second, third = (
        torch.tensor([[float(x) for x in row] for row in m], dtype=torch.float64) for m in (a, g, b)
    )
    return first, second, third


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients, rising, of the product of (x - root)."""
    found = [Fraction(1)]
    for root in roots:
        found = [low - root * high for low, high in zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)]
    return found


_A, _G, _B = (torch.kron(matrix, matrix).float() for matrix in matrices())
"""Both directions at once: 36 x 16, 36 x 9, 36 x 36."""


class Conv3x3(nn.Conv2d):
    """A convolution of 3 x 3 with stride 1; `dilation` as in `nn.Conv2d`, `padding` of zeros alone.

    Without gradients, as in inference, it is torch's own, to the last bit.
    """

    _kept: tuple[tuple[int, torch.dtype], Tensor] | None = None

    def __init__(self, inputs: int, outputs: int, *, padding: int = 0, dilation: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=padding, dilation=dilation, bias=bias)
        self.wide = min(inputs, outputs) >= WIDE

    def forward(self, features: Tensor) -> Tensor:
        """B x C x H x W to B x O x H' x W'; channels last where it is not torch's own convolution."""
        if not (self.wide and torch.is_grad_enabled() and features.device.type == "cpu"):
            return super().forward(features)
        (padding, dilation), (height, width) = (int(self.padding[0]), self.dilation[0]), features.shape[2:]
        rows, columns = (side + 2 * (padding - dilation) for side in (height, width))
        if rows % dilation or columns % dilation:
            return super().forward(features)
        if torch.is_autocast_enabled("cpu"):
            features = features.to(torch.get_autocast_dtype("cpu"))
        phases = _apart(features.permute(0, 2, 3, 1), dilation, padding)
        weight = self.weight
        found: Tensor = _Tiled.apply(phases, weight.to(phases.dtype), self._filters(weight, phases.dtype))
        found = found[:, : rows // dilation, : columns // dilation]
        found = _together(found, dilation).permute(0, 3, 1, 2)
        return found if self.bias is None else found + self.bias.to(found.dtype)[:, None, None]

    def _filters(self, weight: Tensor, dtype: torch.dtype) -> Tensor:
        """What the tiles are multiplied with, 36 x O x C; kept where the filters are not learned."""
        if weight.requires_grad or not isinstance(weight, nn.Parameter):
            return transformed(weight.to(dtype))
        made = (weight._version, dtype)
        if self._kept is None or self._kept[0] != made:
            self._kept = (made, transformed(weight).to(dtype))
        return self._kept[1]


def transformed(weight: Tensor) -> Tensor:
    """Filters O x C x 3 x 3 to 36 x O x C."""
    with torch.autocast("cpu", enabled=False):
        return (_G.to(weight.dtype) @ weight.permute(2, 3, 0, 1).reshape(TAPS**2, -1)).view(-1, *weight.shape[:2])


def _apart(features: Tensor, dilation: int, padding: int) -> Tensor:
    """B x H x W x C, padded, to its `dilation`^2 phases in the batch, with sides that tiles fill: to 4 n + 2."""
    count, height, width, channels = features.shape
    if dilation > 1:
        features = F.pad(features, (0, 0, padding, padding, padding, padding)) if padding else features
        height, width, padding = (height + 2 * padding) // dilation, (width + 2 * padding) // dilation, 0
        split = features.reshape(count, height, dilation, width, dilation, channels)
        features = split.permute(0, 2, 4, 1, 3, 5).reshape(-1, height, width, channels)
    right, below = (-(side + 2 * padding - 2) % OUT for side in (width, height))
    return F.pad(features, (0, 0, padding, padding + right, padding, padding + below)).contiguous()


def _together(features: Tensor, dilation: int) -> Tensor:
    """The phases of `_apart` to one map again."""
    if dilation == 1:
        return features
    _, height, width, channels = features.shape
    split = features.reshape(-1, dilation, dilation, height, width, channels).permute(0, 3, 1, 4, 2, 5)
    return split.reshape(-1, height * dilation, width * dilation, channels)


class _Tiled(torch.autograd.Function):
    """The convolution and its gradients, block by block of tiles.

    In bfloat16 the result itself is torch's: it would lose two bits here.  Its gradients do, which noise of a hundredth
    in a gradient allows.
    """

    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, features: Tensor, weight: Tensor, filters: Tensor) -> Tensor:
        """features: B x H x W x C, sides 4 n + 2; weight: O x C x 3 x 3; filters: 36 x O x C, made of it.

        Returns B x H - 2 x W - 2 x O.  The gradient of the filters stands for the weight's.
        """
        ctx.grid, ctx.size = _grid(features), features.shape
        ctx.save_for_backward(features if ctx.needs_input_grad[2] else None, filters)
        if features.dtype != torch.float32:
            return F.conv2d(features.permute(0, 3, 1, 2), weight).permute(0, 2, 3, 1)
        count, rows, columns = ctx.grid
        result = features.new_empty(count, rows, OUT, columns, OUT, len(weight))
        for here, first, end in _blocks(count, rows, columns * max(weight.shape[:2])):
            products = torch.bmm(_inputs(features, here, first, end), filters.transpose(1, 2))
            tiles = _each(_A.T, products).view(OUT, OUT, -1, end - first, columns, len(weight))
            result[here, first:end] = tiles.permute(2, 3, 0, 4, 1, 5)
        return result.view(count, rows * OUT, columns * OUT, -1)

    @staticmethod
    @custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        """The chain backwards through the same tiles; those of the inputs are made again rather than kept."""
        features, filters = ctx.saved_tensors
        (count, rows, columns), wanted = ctx.grid, ctx.needs_input_grad
        outputs, channels = filters.shape[1:]
        given = gradients[0].contiguous().view(count, rows, OUT, columns, OUT, outputs)
        inputs = filters.new_zeros(count, rows + 1, OUT, columns + 1, OUT, channels) if wanted[0] else None
        learned = None
        for here, first, end in _blocks(count, rows, columns * max(outputs, channels)):
            products = _each(_A, _numbers(given[here, first:end].transpose(2, 3)))
            if wanted[2]:
                found = torch.bmm(products.transpose(1, 2), _inputs(features, here, first, end)).float()
                learned = found if learned is None else learned.add_(found)
            if inputs is not None:
                tiles = _each(_B.T, torch.bmm(products, filters))
                tiles = tiles.view(SIDE, SIDE, -1, end - first, columns, channels)
                _overlap(inputs[here, first : end + 1], tiles.permute(2, 3, 0, 4, 1, 5))
        if inputs is not None:
            inputs = inputs.view(count, (rows + 1) * OUT, (columns + 1) * OUT, channels)
            inputs = inputs[:, : ctx.size[1], : ctx.size[2]]
        return inputs, None, learned


def _grid(features: Tensor) -> tuple[int, int, int]:
    """Pictures, and tiles down and across."""
    return len(features), (features.shape[1] - 2) // OUT, (features.shape[2] - 2) // OUT


def _blocks(count: int, rows: int, size: int) -> Iterator[tuple[slice, int, int]]:
    """Pictures, first row of tiles and end of each block, of rows of `size` tiles times channels."""
    together = max(BLOCK // (rows * size), 1)
    step = rows if together > 1 else max(BLOCK // size, 1)
    for begin in range(0, count, together):
        for first in range(0, rows, step):
            yield slice(begin, begin + together), first, min(first + step, rows)


def _inputs(features: Tensor, here: slice, first: int, end: int) -> Tensor:
    """The block's inputs, 36 x tiles x C."""
    part = features[here, first * OUT : end * OUT + 2]
    count, _, columns = _grid(part)
    image, row, column, channel = part.stride()
    shape = (count, end - first, columns, SIDE, SIDE, part.shape[3])
    tiles = part.as_strided(shape, (image, OUT * row, OUT * column, row, column, channel))
    return _each(_B, _numbers(tiles))


def _overlap(target: Tensor, tiles: Tensor) -> None:
    """Add tiles B x rows x 6 x columns x 6 x C to B x rows + 1 x 4 x columns + 1 x 4 x C, where each tile begins."""
    rest = SIDE - OUT
    target[:, :-1, :, :-1] += tiles[:, :, :OUT, :, :OUT]
    target[:, :-1, :, 1:, :rest] += tiles[:, :, :OUT, :, OUT:]
    target[:, 1:, :rest, :-1] += tiles[:, :, OUT:, :, :OUT]
    target[:, 1:, :rest, 1:, :rest] += tiles[:, :, OUT:, :, OUT:]


def _numbers(tiles: Tensor) -> Tensor:
    """Tiles B x rows x columns x side x side x C to side^2 x tiles x C, in memory as `_each` takes them best."""
    if tiles.dtype == torch.float32:
        return tiles.reshape(-1, tiles.shape[3] ** 2, tiles.shape[5]).transpose(0, 1)
    return tiles.permute(3, 4, 0, 1, 2, 5).reshape(tiles.shape[3] ** 2, -1, tiles.shape[5])


def _each(matrix: Tensor, numbers: Tensor) -> Tensor:
    """The matrix times each tile: N x K and K x tiles x C to N x tiles x C.

    In float32 tile by tile, for MKL is slow at one short and very wide product; in bfloat16 oneDNN is not.
    """
    if numbers.dtype == torch.float32:
        return torch.bmm(matrix.expand(numbers.shape[1], -1, -1), numbers.transpose(0, 1)).transpose(0, 1)
    return (matrix.to(numbers.dtype) @ numbers.reshape(len(numbers), -1)).view(-1, *numbers.shape[1:])
