"""What the lossy compressions share: Pillow writes the file, and the file is what a detector gets."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from safebench.models.masked_image import MaskedImage


def saved(image: MaskedImage, kind: str, suffix: str, **options: Any) -> MaskedImage:
    """The image as a file of Pillow's format `kind`, with the pixels that are read from it."""
    buffer = io.BytesIO()
    Image.fromarray(image.pixels).save(buffer, kind, **options)
    return image.with_file(buffer.getvalue(), suffix)
