"""Through a latent autoencoder and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from safebench.errors import WeightsError
from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage
from safebench.models.toolbox.autoencoder import open_autoencoder


class Adapter(PostProcessing):
    """`vae:OWNER/MODEL` at the Hugging Face Hub, or `vae:FOLDER`."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the autoencoder's folder."""
        super().load(weights, device)
        if weights is None:
            raise WeightsError("vae: say which autoencoder, as vae:OWNER/MODEL or vae:FOLDER")
        self._restore = open_autoencoder(weights, device, "vae")

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        levels = torch.from_numpy(image.pixels.copy()).to(self.device).permute(2, 0, 1)[None].float() / 255
        pixels = self._restore(levels)[0].mul(255).round().permute(1, 2, 0).cpu().numpy()
        return image.with_pixels(pixels.astype(np.uint8))
