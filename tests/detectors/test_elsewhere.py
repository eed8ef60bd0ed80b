"""Detectors that work elsewhere: maps in a folder, and a command."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from safebench.exchange.outgoing import content_name
from safebench.models import registry
from safebench.testing import DetectorContract, inputs

LOOK = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
source, target = Path(sys.argv[1]), Path(sys.argv[2])
for file in (source / "pictures").iterdir():
    image = np.asarray(Image.open(file).convert("L"))
    np.savez(target / (file.name + ".npz"), map=image / np.float32(255), score=image.mean() / 255)
"""


class TestFilesContract(DetectorContract):
    name = "files"

    @pytest.fixture(autouse=True)
    def _answers(self, tmp_path: Path) -> None:
        for size in inputs.sizes(registry.find("detectors", "files")[0].card):
            dull = [np.full((*size, 3), level, np.uint8) for level in (0, 127, 255)]
            for picture in (*inputs.photos(4, size), *dull):
                np.save(tmp_path / f"{content_name(picture)}.npy", picture.mean(2) / 255)
        self.weights = tmp_path


class TestCommandContract(DetectorContract):
    name = "command"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        (tmp_path / "infer.py").write_text(LOOK)
        self.weights = tmp_path / "model.toml"
        self.weights.write_text(f'command = ["{sys.executable}", "infer.py", "{{input}}", "{{output}}"]')
