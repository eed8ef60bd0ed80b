"""Stable Diffusion XL inpainting as an inpainter."""

from __future__ import annotations

from .._diffusion import PipelineInpainter


class Adapter(PipelineInpainter):
    """The pipeline at the Hub, or `sdxl-inpainting:FOLDER`."""
