"""What a set of masks is to the engine: names sorted into hole-ratio bins, read one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from safebench.protocol import Bin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MaskSet(Protocol):
    """A set of masks: where they come from, and under which terms."""

    name: str
    licence: str
    note: str
    """What a reader of the results should know of it; may be empty."""
    left_out: Sequence[str]
    """One sentence for each kind of image that lies there and is no mask."""
    outside: int
    """Masks that lie in no bin, at the size that `index` was asked for last."""
    problems: list[str]
    """One sentence for each mask that could not be used, likewise."""

    def index(self, size: int) -> Mapping[Bin, Sequence[str]]:
        """The names of the masks in each bin, sorted; measured after the nearest-neighbour resize to `size`."""

    def fingerprint(self, name: str) -> str:
        """sha256, in hex, of the mask's file (of a generated one: of all that it depends on but its size).

        Raises OSError, ImageError.
        """

    def load(self, name: str, size: int) -> NDArray[np.bool_]:
        """The mask at a size: bool `size` x `size`, True = hole.  Raises ImageError."""


def unused(masks: MaskSet) -> str:
    """Why masks were not used, to follow a sentence that some are missing; "" where there is nothing to tell."""
    parts = []
    if masks.problems:
        refused = "1 is" if len(masks.problems) == 1 else f"{len(masks.problems):,} are"
        parts.append(f"; {refused} refused ({masks.problems[0]})")
    if masks.outside:
        lie = "1 lies" if masks.outside == 1 else f"{masks.outside:,} lie"
        parts.append(f"; {lie} in no bin (hole of up to 1% or over 60%; white is hole)")
    return "".join(parts)
