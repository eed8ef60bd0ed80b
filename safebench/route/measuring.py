"""How good pictures look beside their originals: the figures and features that both kinds of workers take of them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.catalogue import chosen, features, measure, networks, stored
from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.feature import Feature, encoded
from safebench.metrics.lpips import NETWORK as LPIPS_NETWORK
from safebench.models.devices import pick_device
from safebench.work.tasks import FileRef, Portable, loaded_once

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual

Pixels = NDArray[np.uint8]


class Measuring(Portable):
    """A worker that measures quality, on its device.

    lpips_net: the backbone that LPIPS comes from, or "" for none.  metrics: those asked for beside the default set.
    """

    device: str
    lpips_net: str
    metrics: tuple[str, ...]

    @loaded_once
    def perceptual(self) -> Perceptual | None:
        """LPIPS, loaded when the first picture is measured."""
        if not self.lpips_net:
            return None
        from safebench.metrics.perceptual import load_perceptual  # slow to import, and not needed to resume

        return load_perceptual(self.lpips_net, pick_device(self.device))

    @loaded_once
    def networks(self) -> dict[str, Any]:
        """What metrics beside the default set need, loaded when the first picture is measured."""
        device = pick_device(self.device)
        return {name: network.load(device) for name, network in networks(chosen(self.metrics)).items()}

    def figures(self, pixels: Pixels, original: Pixels | None, hole: NDArray[np.bool_]) -> dict[str, Any]:
        """The hole's share and the stored metrics of one picture; NaN for what needs an original that is not there."""
        held = {**self.networks, **({LPIPS_NETWORK: self.perceptual} if self.perceptual else {})}
        evidence = CompositeEvidence(pixels, original, hole, held)
        return {
            "hole_ratio": int(np.count_nonzero(hole)) / hole.size,
            **measure(stored(chosen(self.metrics), quality=True).values(), evidence),
        }

    def left_behind(self, pictures: Mapping[str, Pixels], there: Set[str]) -> dict[str, FileRef]:
        """What pictures leave behind for metrics over cells, as `KIND NAME`, but for what is `there`."""
        return {
            f"{kind} {name}": FileRef(Path(f"{name}.npz"), encoded(feature.extract(picture, self._network(feature))))
            for name, feature in features(chosen(self.metrics), "composite").items()
            for kind, picture in pictures.items()
            if f"{kind} {name}" not in there
        }

    def _network(self, feature: Feature) -> Any:
        return self.networks[feature.network.name] if feature.network else None
