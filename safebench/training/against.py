"""Detectors that an inpainter trains against: what their maps say of its pictures, as a loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from safebench.errors import ConfigError
from safebench.models.contracts import Detector
from safebench.models.registry import find
from safebench.models.specs import participant

_LEAST = 1e-6


def check_differentiable(name: str) -> None:
    """Raise UnknownNameError where there is no such detector, ConfigError where no gradients go through it."""
    entry, _ = find("detectors", name)
    if not entry.card.differentiable:
        raise ConfigError(f"against: no gradients go through {entry.name} (its card does not say `differentiable`)")


class Opponents:
    """Detectors as they are, published or shipped: they look, and do not learn.

    names: of detectors whose cards say that gradients go through them.  Raises what loading one raises.
    """

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self._detectors: list[Detector] = []
        for name in names:
            check_differentiable(name)
            detector = participant("detectors", name).load_detector(str(device))
            for part in vars(detector).values():
                if isinstance(part, nn.Module):
                    part.eval().requires_grad_(False)
            self._detectors.append(detector)

    def found(self, pictures: Tensor, masks: Tensor) -> Tensor:
        """What the detectors find, a scalar, 0 where no hole's pixel stands out from the known ones.

        The mean over the detectors, and over the holes' pixels, of what -log(1 - map) exceeds its mean over the known
        pixels of the same picture by: -log(1 - map) is the cross-entropy of a map that is to say that nothing was
        filled.  Below that there is nothing to win, since a map that points at the rest tells the hole, too.
        pictures: float B x 3 x H x W in [0, 1], composites; detectors see them in 8 bits, and gradients pass the
        rounding as if it were none.  masks: B x 1 x H x W, 1 = hole.
        """
        shown = pictures + ((pictures * 255).round() / 255 - pictures).detach()
        holes = masks[:, 0]
        with torch.autocast(pictures.device.type, enabled=False):
            maps = [detector.detect(shown.float()).maps for detector in self._detectors]
        losses = [_standing_out(-torch.log((1 - each).clamp(min=_LEAST)), holes) for each in maps]
        return torch.stack(losses).mean()


def _standing_out(entropy: Tensor, holes: Tensor) -> Tensor:
    """What the holes' pixels have more than the mean of the known ones, which is not moved; both B x H x W."""
    known = 1 - holes
    level = (entropy * known).sum((1, 2), keepdim=True) / known.sum((1, 2), keepdim=True).clamp(min=1)
    return ((entropy - level.detach()).clamp(min=0) * holes).sum() / holes.sum().clamp(min=1)
