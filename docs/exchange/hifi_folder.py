"""Calls HiFi-Net's class for each picture of a folder: python hifi_folder.py PICTURES ANSWERS (see hifi.toml)."""

import json
import sys
from pathlib import Path

import numpy as np
from HiFi_Net import HiFi_Net
from PIL import Image

pictures, answers = (Path(folder) for folder in sys.argv[1:])
model = HiFi_Net()
scores = {}
for path in sorted(pictures.iterdir()):
    mask = Image.fromarray((model.localize(str(path)) * 255).astype(np.uint8))
    with Image.open(path) as picture:
        mask.resize(picture.size, Image.Resampling.NEAREST).save(answers / f"{path.stem}.png")
    scores[path.name] = float(model.detect(str(path))[1])
(answers / "scores.json").write_text(json.dumps(scores))
