"""How an inpainter's output becomes a picture (docs/protocol.md, 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from safebench.models.calling import Holes, Photos, composite
from safebench.protocol import REGENERATED, SPLICED

Assembly = Literal["spliced", "regenerated"]


def whole(photos: Photos, holes: Holes, raw: NDArray[np.float32]) -> Photos:
    """The inpainter's whole output, rounded to 8 bit."""
    del photos, holes
    return np.rint(raw.astype(np.float64) * 255).astype(np.uint8)


ASSEMBLIES: Final[Mapping[str, Callable[[Photos, Holes, NDArray[np.float32]], Photos]]] = {
    SPLICED: composite,
    REGENERATED: whole,
}
"""By name: from photos, holes and the raw output (float32 B x H x W x 3 in [0, 1]) to uint8 pictures."""
