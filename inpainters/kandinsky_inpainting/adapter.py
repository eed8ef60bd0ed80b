"""Kandinsky 2.2 inpainting as an inpainter."""

from __future__ import annotations

from .._diffusion import PipelineInpainter


class Adapter(PipelineInpainter):
    """The decoder and the prior at the Hub, or `kandinsky-inpainting:FOLDER` that holds both."""
