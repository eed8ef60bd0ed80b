"""JPEG compression."""

from __future__ import annotations

from safebench_postprocessing._files import saved

from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage


class Adapter(PostProcessing):
    """Pillow's JPEG at the quality given, all else as Pillow has it: 4:2:0, the standard's tables scaled."""

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        return saved(image, "JPEG", ".jpg", quality=int(self.level))
