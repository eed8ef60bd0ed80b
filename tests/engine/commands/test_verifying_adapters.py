"""A model here beside a command: the largest differences, and where they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.commands.verifying_adapters import verify_adapter
from safebench.errors import ConfigError, UnknownNameError

SAME = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
import safebench
from safebench.models import calling
source, target = Path(sys.argv[1]), Path(sys.argv[2])
name, kind = sys.argv[3:5]
for file in sorted((source / ("images" if kind == "inpainters" else "pictures")).iterdir()):
    image = np.asarray(Image.open(file))
    if kind == "inpainters":
        hole = np.asarray(Image.open(source / "masks" / file.name)) > 127
        out = calling.inpaint(safebench.load_inpainter(name), image[None], hole[None])[0]
        out = np.rint(out * 255).astype(np.uint8)
        {0}
        Image.fromarray(out).save(target / file.name)
    else:
        found = calling.detect(safebench.load_detector(name), image[None])
        out = found.maps[0]
        {0}
        np.savez(target / (file.stem + ".npz"), map=out, score=found.scores[0])
"""


def original(folder: Path, name: str, kind: str, change: str = "pass") -> str:
    """A command that is the model itself, but for a change."""
    (folder / "infer.py").write_text(SAME.replace("{0}", change))
    arguments = f'"{sys.executable}", "infer.py", "{{input}}", "{{output}}", "{name}", "{kind}"'
    (folder / "m.toml").write_text(f"command = [{arguments}]")
    return f"command:{folder / 'm.toml'}"


def test_an_inpainter_equals_itself_to_the_rounding_of_8_bits(tmp_path):
    compared = verify_adapter("telea", original(tmp_path, "telea", "inpainters"), limit=2, size=64)
    assert compared.ours == "telea"
    assert [row.what for row in compared.differences] == ["output", "output", "hole", "hole"]
    assert max(row.largest for row in compared.differences) <= 0.5 / 255 + 1e-7


NEGATIVES = """
import sys
from pathlib import Path
from PIL import Image, ImageOps
for file in Path(sys.argv[1], "images").iterdir():
    ImageOps.invert(Image.open(file).convert("RGB")).save(Path(sys.argv[2], file.name))
"""


def test_names_of_pictures_stay_whole_at_80_columns(tmp_path):
    command = original(tmp_path, "telea", "inpainters")
    (tmp_path / "infer.py").write_text(NEGATIVES)  # whatever it answers, its pictures have names
    arguments = ["verify-adapter", "telea", "--against", command, "--limit", "2", "--size", "64"]
    text = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"}).output
    assert "flower-y000-x192 " in text
    assert "astronaut-y256-x256 " in text


def test_the_largest_difference_is_found_where_it_is(tmp_path):
    command = original(tmp_path, "laplacian", "detectors", "out[5, 9] += 0.25 if out[5, 9] < 0.5 else -0.25")
    compared = verify_adapter("laplacian", command, limit=2, size=64)
    for row in compared.differences:
        if row.what == "map":
            assert row.largest == pytest.approx(0.25, abs=1e-6)
            assert row.place == (9, 5)
            assert row.mean == pytest.approx(0.25 / 64**2, abs=1e-6)
        else:
            assert row.what == "score"
            assert row.largest == pytest.approx(0, abs=1e-6)
    assert len(compared.differences) == 4


def test_what_cannot_be_compared_is_said(tmp_path):
    with pytest.raises(ConfigError, match="is an inpainter and a detector"):
        verify_adapter("torchscript", "command:x.toml")
    with pytest.raises(UnknownNameError, match="no inpainter is called 'nothing'"):
        verify_adapter("nothing", "command:x.toml")
