"""ZITS behind SafeBench's interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.feature import canny
from torch import Tensor, nn
from torch.nn import functional as F

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import to_images
from safebench.models.toolbox.holes import spread_known
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import fit, load_state, part

from .painter import Painter, StructureEncoder
from .places import places, small_hole
from .structure import SIDE, Doubling, Transformer, complete

SIGMA = 3.0
"""Of the Gaussian before Canny, in pixels of 256 x 256."""
FILES = {
    "doubling": ("StructureUpsampling.pth", "model"),
    "transformer": ("best_transformer_places2.pth", "model"),
    "encoder": ("InpaintingModel_best_gen.pth", "str_encoder"),
    "painter": ("InpaintingModel_best_gen.pth", "generator"),
}
"""Where each network lies: a file, and the key in it."""


class Adapter(Inpainter):
    """Takes the folder with the authors' three files."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        with torch.device("meta"):  # drawn numbers would only be written over
            networks: dict[str, nn.Module] = {
                "transformer": Transformer(),
                "doubling": Doubling(),
                "encoder": StructureEncoder(),
                "painter": Painter(),
            }
        for name, (file, key) in FILES.items():
            path = weights / file if weights else None
            networks[name].to_empty(device="cpu")
            fit(networks[name], part(load_state(path), key, str(path)), f"{self.card.name}: {path}")
        self.networks: Any = {name: in_fastest_layout(one.eval().to(device)) for name, one in networks.items()}

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`; picture by picture, since what is drawn first may hang on a last digit."""
        seen = images if self.sees_hole else spread_known(images, masks)
        pictures = [self._fill(seen[k : k + 1], masks[k : k + 1]) for k in range(len(images))]
        return torch.cat(pictures)

    def _fill(self, image: Tensor, mask: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        side = max(SIDE, -(-max(height, width) // 8) * 8)
        image, mask = (pad_symmetric(x, side) for x in (image, mask))
        hole = mask[0, 0].cpu().numpy() > 0.5
        edges, lines = self._draw(image, hole)
        distances, facing = (torch.from_numpy(x)[None].to(self.device) for x in places(hole))
        drawing = torch.cat([edges, lines, mask], dim=1)
        added, where = self.networks["encoder"](drawing, distances.long(), facing.to(image.dtype))
        filled: Tensor = self.networks["painter"](image, mask, added, where)
        return filled[..., :height, :width]

    def _draw(self, image: Tensor, hole: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
        """Edges and lines of a whole photo, 1 x 3 x S x S, each 1 x 1 x S x S; of lines none is known beforehand."""
        photo = to_images(image)[0]
        side = len(photo)
        small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA) if side > SIDE else photo
        gap = small_hole(hole)
        known = canny(rgb2gray(small), sigma=SIGMA, mask=None if self.sees_hole else ~gap)
        edges, left = (torch.from_numpy(x)[None, None].to(image) for x in (known, gap))
        seen = torch.from_numpy(np.ascontiguousarray(small)).permute(2, 0, 1)[None].to(image) / 255 * 2 - 1
        drawn = complete(self.networks["transformer"], seen, edges, torch.zeros_like(edges), left)
        return self._at(drawn[0], side), self._at(drawn[1], side)

    def _at(self, drawn: Tensor, side: int) -> Tensor:
        while drawn.shape[-1] < side:
            drawn = self.networks["doubling"](drawn)
        return drawn if side == SIDE else F.interpolate(drawn, size=(side, side), mode="bilinear", align_corners=False)
