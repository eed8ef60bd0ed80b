"""Inpainters that work elsewhere: answers in a folder, and a command."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from safebench.exchange.outgoing import content_name
from safebench.inputs.images import save_png
from safebench.testing import InpainterContract, inputs

FILL = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
source, target = Path(sys.argv[1]), Path(sys.argv[2])
for file in (source / "images").iterdir():
    image = np.asarray(Image.open(file)).copy()
    mask = np.asarray(Image.open(source / "masks" / file.name)) > 127
    image[mask] = image[~mask].mean(0)
    Image.fromarray(image).save(target / file.name)
"""


class TestFilesContract(InpainterContract):
    name = "files"
    sizes = ((40, 48), (64, 64))

    @pytest.fixture(autouse=True)
    def _answers(self, tmp_path: Path) -> None:
        for size in self.sizes:
            for photo, hole in zip(inputs.photos(4, size), inputs.holes(4, size), strict=True):
                save_png(tmp_path / f"{content_name(photo, hole)}.png", np.where(hole[..., None], np.uint8(99), photo))
        self.weights = tmp_path


class TestCommandContract(InpainterContract):
    name = "command"
    sizes = ((40, 48), (64, 64))

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        (tmp_path / "infer.py").write_text(FILL)
        self.weights = tmp_path / "model.toml"
        self.weights.write_text(f'command = ["{sys.executable}", "infer.py", "{{input}}", "{{output}}"]')
