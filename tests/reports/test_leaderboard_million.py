"""The leaderboard of a million rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .browsing import Open
from .million import write_million


@pytest.mark.slow
def test_a_million_rows_become_a_page_of_cells(tmp_path: Path, open_page: Open) -> None:
    """Made within 2 GB; the page loads cells, not rows.  benchmarks/leaderboard.py says how long it takes."""
    assert write_million(tmp_path / "run") >= 1_000_000
    code = (
        "import re, sys; from pathlib import Path\n"
        "from safebench.results.reporting import write_report; from safebench.results.results import open_run\n"
        "write_report([open_run(Path(sys.argv[1]))], Path(sys.argv[2]), 'leaderboard')\n"
        # not getrusage's ru_maxrss, which begins at the size of the process that started this one
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run"), str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2e6
    page_file = tmp_path / "site" / "index.html"
    assert page_file.stat().st_size < 4e6
    assert open_page(page_file).locator("#table-0 .opener").count() == 12
