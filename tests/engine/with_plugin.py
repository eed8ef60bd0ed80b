"""Code in a process that finds the fake plug-in."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path


def in_python(plugin: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`code` run in `folder`, where the packages installed into `plugin` are found."""
    environment = {**os.environ, "PYTHONPATH": str(plugin), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "always", "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
