"""The tables in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .._common.export import bibtex, tables_of
from .._common.latex import files
from .._common.papers import paper_tables


class Adapter(ReportFormat):
    """leaderboard.tex, a file for each table, and references.bib."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`."""
        tables = tables_of(results)
        for name, text in files(paper_tables(tables)).items():
            atomic_write(out / name, text.encode())
        atomic_write(out / "references.bib", bibtex([run for _, run in tables]).encode())
        return out / "leaderboard.tex"
