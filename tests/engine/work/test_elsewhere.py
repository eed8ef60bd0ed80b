"""Models that work elsewhere, behind an executor's door: what a worker in another process is sent is all it needs."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import safebench
from safebench.work.exchange import Exchange, leave
from safebench.work.local import LocalExecutor

from .alike import OPTIONS

SCRIPT = """
import sys
from pathlib import Path
from PIL import Image, ImageFilter
source, target = Path(sys.argv[1]), Path(sys.argv[2])
for file in (source / sys.argv[3]).iterdir():
    image = Image.open(file).filter(ImageFilter.GaussianBlur(3))
    (image.convert("L") if sys.argv[3] == "pictures" else image).save(target / (file.stem + ".png"))
"""


def command(folder: Path, what: str) -> str:
    (folder / "infer.py").write_text(SCRIPT)
    arguments = f'"{sys.executable}", "infer.py", "{{input}}", "{{output}}", "{what}"'
    (folder / f"{what}.toml").write_text(f"command = [{arguments}]\nshard = 3")
    return f"command:{what}.toml"


def by_message(self: LocalExecutor, worker: Any, tasks: Any, save: Any) -> Any:
    """What Ray's actors and Slurm's jobs do: worker and items travel as bytes, to where the folder is another."""
    exchange = Exchange(None, Path())
    here = Path.cwd()
    for task in tasks:
        items = task.prepared()
        sent, message = pickle.loads(pickle.dumps((worker, exchange.pack(items))))
        os.chdir("/")
        try:
            results = leave(sent.finish(sent.compute(sent.load(message))), None)
        finally:
            os.chdir(here)
        yield save(task.todo, dict(zip([item.name for item in items], exchange.unpack(results), strict=True)))


def test_commands_and_answers_by_message_give_the_same_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small: dict[str, Any] = {key: OPTIONS[key] for key in ("images", "size", "lpips_net")}
    small |= {"limit": 2, "bins": "10-20"}
    out = safebench.export(small, "x")
    picture = next(iter(out))
    out.put(picture.name, picture.image + 1)
    small["inpainters"] = [f"blur={command(tmp_path, 'images')}", "half=files:x"]
    small["detectors"] = [f"gray={command(tmp_path, 'pictures')}"]
    here = safebench.run(out=tmp_path / "here", **small)
    assert len(here.failures) == 1, "the picture that has not come back"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalExecutor, "run", by_message)
        there = safebench.run(out=tmp_path / "there", **small)
    pd.testing.assert_frame_equal(here.quality, there.quality, check_exact=True)
    pd.testing.assert_frame_equal(here.detection, there.detection, check_exact=True)
