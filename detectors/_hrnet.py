"""The parts of an HRNet: branches of several resolutions, refined side by side and exchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ._residual_blocks import BasicBlock, conv_norm

Resize = Callable[[Tensor, tuple[int, ...]], Tensor]
"""Brings a feature map to a height and width."""


class Exchange(nn.Module):
    """Each branch refined by itself, then the sum of all, brought to its size."""

    def __init__(self, widths: Sequence[int], blocks: int, resize: Resize) -> None:
        super().__init__()
        self.resize = resize
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_route(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """The branches' features, finest first, to as many of the same shapes."""
        refined = [branch(x) for branch, x in zip(self.branches, features, strict=True)]
        return [self._sum(target, refined) for target in range(len(refined))]

    def _sum(self, target: int, refined: list[Tensor]) -> Tensor:
        size = refined[target].shape[2:]
        total = refined[target]
        for source, x in enumerate(refined):
            if source == target:
                continue
            routed = self.fuse_layers[target][source](x)  # type: ignore[index]  # a list of lists
            total = total + (self.resize(routed, size) if source > target else routed)
        return total.relu_()


def branch_off(widths: Sequence[int], new: int) -> nn.ModuleList:
    """The step to one branch more: those that exist pass through, the new one starts from the coarsest at half its
    size."""
    step = nn.Sequential(conv_norm(widths[-1], new, 3, stride=2))
    return nn.ModuleList([*(nn.Identity() for _ in widths), step])


def _route(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """From a branch to another: coarser ones by 1x1 convolution, finer ones by stride-2 steps."""
    if source == target:
        return nn.Identity()
    if source > target:
        return conv_norm(widths[source], widths[target], 1, relu=False)
    steps = [conv_norm(widths[source], widths[source], 3, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, conv_norm(widths[source], widths[target], 3, stride=2, relu=False))
