"""Looks at files, not pixels."""

import torch
from PIL import Image

from safebench.models.contracts import Detection, Detector


class Adapter(Detector):
    """The larger the file, the higher the score."""

    def detect(self, images):
        """Never called: the card says that it reads files."""
        raise AssertionError("pixels were handed over")

    def detect_files(self, paths):
        """See the contract."""
        sizes = [Image.open(path).size for path in paths]
        maps = torch.stack([torch.full((height, width), 0.25) for width, height in sizes])
        kib = torch.tensor([path.stat().st_size / 1024 for path in paths])
        return Detection(maps, (kib / (kib + 100)).float())
