"""What a reader can take away: all that the site shows, as data, as LaTeX, and the papers behind it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from safebench.files import atomic_write
from safebench.results.comparing import Group

from .._common import export, latex, markdown
from .._common.papers import paper_tables
from .._common.runs import Run
from .._common.standings import Standings

FOLDER = "downloads"


def write_downloads(
    tables: Sequence[tuple[Group, Run]], standings: Sequence[Standings], pairs: pd.DataFrame, out: Path
) -> list[tuple[str, list[str]]]:
    """Write the files below `out`/downloads; returns each form's name and addresses, the main one first."""
    runs = [run for _, run in tables]
    frames = {**export.frames(tables, standings), "head-to-head": pairs}
    papers = paper_tables(tables, standings)
    tex = {name: text.encode() for name, text in latex.files(papers).items()}
    references = export.bibtex(runs).encode()
    forms: dict[str, dict[str, bytes]] = {
        "CSV": {f"{name}.csv": export.csv(frame) for name, frame in frames.items()},
        "Parquet": {f"{name}.parquet": export.parquet(frame) for name, frame in frames.items()},
        "JSON": {"leaderboard.json": export.json(frames)},
        "LaTeX": {
            "latex.zip": _zipped({**tex, "references.bib": references}),
            **{f"latex/{name}": data for name, data in tex.items()},
        },
        "Markdown": {"leaderboard.md": markdown.page(papers).encode()},
        "BibTeX": {"references.bib": references},
    }
    written = {out / FOLDER / name: data for files in forms.values() for name, data in files.items()}
    for path, data in written.items():
        atomic_write(path, data)
    for path in (out / FOLDER).rglob("table_*.tex"):
        if path not in written:  # of an earlier leaderboard at this place
            path.unlink()
    return [(form, [f"{FOLDER}/{name}" for name in files]) for form, files in forms.items()]


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """One file of many, the same bytes for the same content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
