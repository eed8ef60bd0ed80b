"""The tables in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .._site.export import bibtex, tables_of
from .._site.latex import files
from .._site.papers import paper_tables


class Adapter(ReportFormat):
    """leaderboard.tex, a file for each table, and references.bib."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`."""
        tables = tables_of(results)
        for name, text in files(paper_tables(tables)).items():
            atomic_write(out / name, text.encode())
        atomic_write(out / "references.bib", bibtex([run for _, run in tables]).encode())
        return out / "leaderboard.tex"
