"""CAT-Net v2 as a detector."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from safebench.inputs.images.levels import upright
from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import to_images
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, part

from .._block_dct import SIDE
from .coding import QUALITY, Coded, of_file, of_pixels
from .network import CATNet, resize

_GRAY = 127.5
"""Half of 255: colours go from -1 to 1 around it, and what lacks of a picture to whole blocks is filled with it."""


class Adapter(Detector):
    """The full network's map; it reads JPEG files, and makes one of what is none."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is CAT_full_v2.pth.tar."""
        super().load(weights, device)
        self._network = CATNet()
        fit(self._network, part(load_state(weights), "state_dict", str(weights)), str(weights))
        in_fastest_layout(self._network).to(device).eval()
        self._told = False

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`; pixels are compressed first, as a PNG of them would be."""
        return Detection(torch.stack([self._look(of_pixels(image)) for image in to_images(images)]))

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """See `Detector.detect_files`."""
        pictures = [of_file(path) for path in paths]
        if not self._told and not all(was_jpeg for _, was_jpeg in pictures):
            self._told = True
            warnings.warn(
                f"{self.card.name} reads how a JPEG file is coded: pictures that are no JPEG were brought to one of "
                f"quality {QUALITY} first, as its authors do, which says little of them",
                stacklevel=2,
            )
        return Detection(torch.stack([self._look(coded) for coded, _ in pictures]))

    def _look(self, coded: Coded) -> Tensor:
        """The map of one picture, H x W: the logits brought to its size, as in the authors' training."""
        height, width = coded.colours.shape[:2]
        rows, columns = (-(-length // SIDE) * SIDE for length in (height, width))
        colours = torch.tensor(coded.colours).to(self.device).permute(2, 0, 1)[None].float()
        colours = F.pad((colours - _GRAY) / _GRAY, (0, columns - width, 0, rows - height))
        coefficients = torch.tensor(coded.coefficients[:rows, :columns]).to(self.device)[None, None]
        table = torch.tensor(coded.table.astype("float32")).to(self.device)[None]
        logits = resize(self._network(colours, coefficients, table).float(), (rows, columns))
        found = logits.softmax(dim=1)[0, 1, :height, :width].detach().cpu().numpy()
        return torch.tensor(upright(found, coded.orientation).copy()).to(self.device)
