"""Stands in for HiFi-Net's class: what it is given and gives; not its network."""

import numpy as np
from PIL import Image


class HiFi_Net:
    """A mask of 256 x 256, and whether a picture was forged and how likely."""

    def localize(self, image_name):
        small = Image.open(image_name).convert("L").resize((256, 256))
        return (np.asarray(small) > 127).astype(np.float32)

    def detect(self, image_name):
        return 1, 0.75 if image_name else 0.0
