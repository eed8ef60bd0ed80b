"""WebP compression."""

from __future__ import annotations

from safebench_postprocessing._files import saved

from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage


class Adapter(PostProcessing):
    """Pillow's lossy WebP at the quality given, all else as Pillow has it."""

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        return saved(image, "WEBP", ".webp", quality=int(self.level))
