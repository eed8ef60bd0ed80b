"""The tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .._common.export import tables_of
from .._common.markdown import page
from .._common.papers import paper_tables


class Adapter(ReportFormat):
    """leaderboard.md."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`."""
        path = out / "leaderboard.md"
        atomic_write(path, page(paper_tables(tables_of(results))).encode())
        return path
