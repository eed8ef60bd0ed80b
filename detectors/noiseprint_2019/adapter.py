"""Noiseprint (2019) as a detector."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

from safebench.errors import WeightsError
from safebench.inputs.images import read_photo
from safebench.inputs.images.levels import upright
from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import Image, to_images

from .._block_dct import SIDE
from .._jpeg_files import ORIENTATION, is_luminance_file
from .heat_map import heat_map
from .network import QUALITIES, load_networks, quality_of

_GRAY = np.array([0.299, 0.587, 0.114], np.float32)


class Adapter(Detector):
    """The heat map of the noiseprint that the network for the file's JPEG quality draws."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is the folder of net_jpg51 to net_jpg101."""
        super().load(weights, device)
        if weights is None:
            raise WeightsError("this model cannot work without its checkpoint; name the folder that holds net_jpg51")
        self._networks = [network.to(device).eval() for network in load_networks(weights)]
        self._warned = False

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`: pixels alone are taken for a picture that is no JPEG."""
        return self._detection([self._map(image, QUALITIES[-1]) for image in to_images(images)])

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """See `Detector.detect_files`; of a JPEG the network sees the pixels as they lie in the file."""
        maps = []
        for path in paths:
            image, quality, orientation = _read(path)
            if quality < QUALITIES[0] and not self._warned:
                self._warned = True
                warnings.warn(
                    f"{self.card.name} has no network for JPEG qualities below {QUALITIES[0]}: pictures of such were "
                    f"shown to that of {QUALITIES[0]} (the first: {path.name}, {quality})",
                    stacklevel=2,
                )
            maps.append(upright(self._map(image, max(quality, QUALITIES[0])), orientation))
        return self._detection(maps)

    def _map(self, image: Image, quality: int) -> NDArray[Any]:
        luminance = (image.astype(np.float32) @ _GRAY / 256).astype(np.float32, copy=False)
        network = self._networks[quality - QUALITIES[0]]
        noiseprint = network(torch.from_numpy(luminance)[None, None].to(self.device))[0, 0].detach().cpu().numpy()
        found = heat_map(noiseprint, luminance, self.seed)
        if found is None:
            return np.zeros(luminance.shape, np.float32)
        return (np.rint(found.of_pixels(*luminance.shape) * 65535) / 65535).astype(np.float32)  # as maps are stored

    def _detection(self, maps: Sequence[NDArray[Any]]) -> Detection:
        return Detection(torch.from_numpy(np.stack(maps)).to(self.device))


def _read(path: Path) -> tuple[Image, int, int]:
    """A picture's pixels, the JPEG quality whose network it wants, and how EXIF says that it is to be turned."""
    data = path.read_bytes()
    if not is_luminance_file(data):
        return read_photo(path, data), QUALITIES[-1], 1
    image = JpegImageFile(io.BytesIO(data))
    table = np.array(image.quantization[image.layer[0][3]]).reshape(SIDE, SIDE)
    return np.asarray(image.convert("RGB")), quality_of(table), image.getexif().get(ORIENTATION, 1)
