"""Turns pictures left to right."""

from safebench.models.contracts import PostProcessing


class Adapter(PostProcessing):
    """The mask turns with the picture."""

    def apply(self, image):
        """See the contract."""
        mask = None if image.mask is None else image.mask[:, ::-1]
        return image.with_pixels(image.pixels[:, ::-1], mask)
