"""An image with its true mask, as it goes through post-processing: pixels, and the file that they are in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import encode_png, read_photo
from safebench.inputs.own import NOTE

Pixels = NDArray[np.uint8]
"""H x W x 3, RGB."""
Mask = NDArray[np.bool_]
"""H x W, True = hole."""


@dataclass(frozen=True)
class MaskedImage:
    """Pixels, the mask that is true of them, and the file that holds them.

    pixels: uint8 H x W x 3, RGB.  mask: bool H x W, True = hole; None for an untouched photo.
    encoded: the bytes of the file that the pixels were decoded from; None: the file is a PNG of the pixels.
    suffix: how that file's name ends.
    """

    pixels: Pixels
    mask: Mask | None
    encoded: bytes | None = None
    suffix: str = ".png"

    @classmethod
    def of_file(cls, data: bytes, path: Path, mask: Mask | None) -> MaskedImage:
        """The image that a file's bytes hold; raises ImageError, naming the file, where they hold none."""
        return cls(read_photo(path, data), mask, data, path.suffix)

    def with_pixels(self, pixels: Pixels, mask: Mask | None = None) -> MaskedImage:
        """Other pixels in a file without loss; their mask, where it moved with them, else the same."""
        return MaskedImage(np.ascontiguousarray(pixels), self.mask if mask is None else mask)

    def with_file(self, data: bytes, suffix: str) -> MaskedImage:
        """What a lossy file of these pixels holds: its bytes, and the pixels that a reader decodes; the same mask."""
        return MaskedImage.of_file(data, Path(f"image{suffix}"), self.mask)

    @cached_property
    def file(self) -> bytes:
        """The bytes of the file."""
        return encode_png(self.pixels, {NOTE: "post-processed"}) if self.encoded is None else self.encoded

    def generator(self, seed: int) -> np.random.Generator:
        """Random numbers that depend on the seed and the pixels alone, so that they can be drawn again."""
        of_both = hashlib.sha256(f"{seed} {self.pixels.shape}".encode() + self.pixels.tobytes())
        return np.random.default_rng(int.from_bytes(of_both.digest()[:8], "big"))
