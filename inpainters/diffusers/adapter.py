"""Any inpainting pipeline of the diffusers library: Stable Diffusion inpainting and its like."""

from __future__ import annotations

from .._diffusion import PipelineInpainter


class Adapter(PipelineInpainter):
    """`diffusers:OWNER/MODEL` at the Hugging Face Hub, or `diffusers:FOLDER`."""
