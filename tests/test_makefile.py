"""`make test` ends, whatever a test does to its process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "dies": "import os\n\ndef test_before(): pass\n\ndef test_it(): os._exit(1)\n\ndef test_after(): pass\n",
    "leaves a child": "import os\n\ndef test_it():\n    os.popen('sleep 60')\n    os.abort()\n",
    "waits for ever": "import threading\n\ndef test_it(): threading.Event().wait()\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TESTS)
def test_a_process_that_dies_or_waits_ends_the_suite_with_a_failure(tmp_path, name):
    """The limit of the watchdog is 900 s; here it is one."""
    options = re.search(r"^XDIST := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert options is not None
    configuration = (ROOT / "pyproject.toml").read_text()
    assert "faulthandler_timeout = 900" in configuration
    (tmp_path / "pyproject.toml").write_text(
        configuration.replace("faulthandler_timeout = 900", "faulthandler_timeout = 1")
    )
    (tmp_path / "tests").mkdir()
    for k in range(3):
        (tmp_path / "tests" / f"test_{k}.py").write_text(TESTS[name] if k == 0 else "def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", *options[1].split(), "--numprocesses", "2"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "crashed while running 'tests/test_0.py::test_it'" in ended.stdout
