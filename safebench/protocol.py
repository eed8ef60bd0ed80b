"""The protocol's constants and the hole bins (docs/protocol.md, sections 1 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

from safebench.errors import ConfigError

PROTOCOL = "safepaint-2024/1"
"""Named by every result: change a definition, change the number."""

THRESHOLD = 0.5
"""A pixel is called inpainted, and an image flagged, from this value on."""

ORIGINAL = "original"
"""The name that untouched photos bear among the inpainters: the false-alarm control."""

NO_POSTPROCESS = "none"
"""The name of the condition in which detectors see pictures as their maker left them."""

SPLICED = "spliced"
"""The assembly of section 2: known pixels bit-identical to the photo's, the hole's the inpainter's."""

REGENERATED = "regenerated"
"""The other assembly: the inpainter's whole output, rounded to 8 bit."""

RECEIVED = "received"
"""Not made here: a forged picture of somebody else's, as its file is."""

NATIVE = "native"
"""The size at which pictures are looked at where each keeps its own."""

SMALLEST_TILE = 64
"""Least side of the tiles in which detectors may look at larger pictures."""

SIZE = 256
"""Side of the evaluated images in pixels, the paper's."""


@dataclass(frozen=True, order=True)
class Bin:
    """A bin of hole ratios (lower, upper], upper in tenths: `Bin(2)` is 10-20, that is (0.1, 0.2].

    The first bin leaves out ratios up to 0.01, as NVIDIA's set does.
    """

    upper_tenths: int

    @property
    def name(self) -> str:
        """`0-10`, `10-20`, ... `50-60`."""
        return f"{10 * (self.upper_tenths - 1)}-{10 * self.upper_tenths}"

    def holds(self, hole_pixels: int, pixels: int) -> bool:
        """Whether a mask of `hole_pixels` of `pixels` lies in the bin; decided in whole numbers."""
        k = self.upper_tenths
        above = 100 * hole_pixels > pixels if k == 1 else 10 * hole_pixels > (k - 1) * pixels
        return above and 10 * hole_pixels <= k * pixels


BINS = tuple(Bin(k) for k in range(1, 7))


def bin_of(hole_pixels: int, pixels: int) -> Bin | None:
    """The bin that a mask lies in, or None where it lies in none (hole of up to 1% or of more than 60%)."""
    return next((b for b in BINS if b.holds(hole_pixels, pixels)), None)


NO_BIN = "unknown"
"""The bin of a forged picture whose mask cannot be read."""


def bin_of_any(hole_pixels: int, pixels: int) -> str:
    """The name of the bin of any hole: `0-1` and `60-100` for those that lie in none of `BINS`."""
    held = bin_of(hole_pixels, pixels)
    if held is not None:
        return held.name
    return "60-100" if 2 * hole_pixels > pixels else "0-1"


def parse_bins(text: str) -> tuple[Bin, ...]:
    """`"10-20,30-40"` to bins in ascending order; `"all"` is all six.

    Raises ConfigError on a name that is no bin.
    """
    if text.strip().lower() == "all":
        return BINS
    by_name = {b.name: b for b in BINS}
    names = [name.strip().removesuffix("%") for name in text.split(",") if name.strip()]
    for name in names:
        if name not in by_name:
            raise ConfigError(f"--bins: '{name}' is no bin; the bins are {', '.join(by_name)} (or 'all')")
    if not names:
        raise ConfigError(f"--bins: no bin given; the bins are {', '.join(by_name)} (or 'all')")
    return tuple(sorted({by_name[name] for name in names}))


def check_tile(side: int) -> None:
    """Raises ConfigError for what is no side of the tiles in which a detector looks at larger pictures."""
    if side < SMALLEST_TILE:
        raise ConfigError(f"--tile {side}: has to be at least {SMALLEST_TILE} pixels")


def check_mask_threshold(level: int) -> None:
    """Raises ConfigError for what is no level from which on a pixel of a mask can be hole."""
    if not 1 <= level <= 255:
        raise ConfigError(f"--mask-threshold {level}: has to lie between 1 and 255")
