"""FLUX.1 Fill as an inpainter."""

from __future__ import annotations

from .._diffusion import PipelineInpainter


class Adapter(PipelineInpainter):
    """The pipeline at the Hub, or `flux-fill:FOLDER`."""
