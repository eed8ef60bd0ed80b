"""Code in a process that finds the fake plug-in."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.forking import run_forked


def in_python(plugin: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`code` run in `folder`, where the packages installed into `plugin` are found."""
    return run_forked(code, folder, {"PYTHONPATH": str(plugin), "OMP_NUM_THREADS": "1"})
