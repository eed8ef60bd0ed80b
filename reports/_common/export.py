"""The tables as data: cells of all groups in long tables, and the papers behind them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pandas as pd

from safebench.metrics.metric import VIEWS
from safebench.models import registry
from safebench.results.comparing import Group, group
from safebench.results.results import Results

from .runs import Run, as_run
from .standings import Standings

_TERMS = {
    "protocol": "protocol",
    "photos": "photo_set",
    "masks": "mask_set",
    "size": "size",
    "LPIPS backbone": "lpips_backbone",
}

_MONTHS = (
    "(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|"
    "dec(ember)?)"
)
_NO_TEXT = re.compile(
    rf"[=+\-@\t\r]|\d+([-/]\d+){{1,2}}$|\d+e\d+$|{_MONTHS}[- ]?\d+$|\d+[- ]?{_MONTHS}$", re.IGNORECASE
)
"""A formula's beginning, a date in numbers (a model 3-4), a power (1e5), a month with a number (mar1)."""


def tables_of(results: Sequence[Results]) -> list[tuple[Group, Run]]:
    """Like runs together, each group under the name of its table: `Table 1`, ..."""
    return [(like, as_run(f"Table {k}", like)) for k, like in enumerate(group(results), start=1)]


def frames(
    tables: Sequence[tuple[Group, Run]], standings: Sequence[Standings] | None = None
) -> dict[str, pd.DataFrame]:
    """All tables by name: the cells (`quality`, `detection`, `false-alarms`), and who stands where in every list
    (`inpainters`, `detectors`).

    Columns: `table`, the terms under which its figures compare, then those of `safebench.results.tables` or of
    `Standings.frame`.
    """
    all_standings = standings or [Standings(run) for _, run in tables]
    by_name: dict[str, list[pd.DataFrame]] = {}
    for (like, run), standing in zip(tables, all_standings, strict=True):
        terms = {_TERMS[key]: value for key, value in like.terms.labels.items()}
        held = {
            "quality": like.tables.quality_cells,
            "detection": like.tables.detection_cells,
            "false-alarms": like.tables.false_alarms,
            **{f"{view}s": standing.frame(view) for view in VIEWS},
        }
        for name, cells in held.items():
            part = cells.assign(table=run.label, **terms)[["table", *terms, *cells.columns]]
            by_name.setdefault(name, []).append(part)
    return {
        name: pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        for name, parts in by_name.items()
    }


def csv(frame: pd.DataFrame) -> bytes:
    """A table as CSV, every digit kept, as spreadsheets open it: UTF-8 that says so by a byte order mark.

    Bins are `10-20%`, which `--bins` takes too, since a spreadsheet turns 10-20 into the 20th of October.  Other text
    that it would run as a formula or turn into a date is quoted by an apostrophe.
    """
    text = frame.select_dtypes(exclude=["number", "bool"]).columns
    safe = frame.assign(**{name: frame[name].map(_percent if name == "bin" else _quoted) for name in text})
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")


def parquet(frame: pd.DataFrame) -> bytes:
    """A table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def json(frames_by_name: Mapping[str, pd.DataFrame]) -> bytes:
    """All tables as one JSON object: name to rows; null where there is no figure."""
    parts = [
        f'"{name}": {frame.to_json(orient="records", double_precision=15)}' for name, frame in frames_by_name.items()
    ]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def bibtex(runs: Sequence[Run]) -> str:
    """SafeBench itself, the paper whose protocol it follows, and one entry for each paper that a card names."""
    entries = {"": _software(runs)}
    if protocols := registry.find("reports", "paper-tables")[0].card.paper:
        entries[protocols.title] = _entry("safepaint", msgspec.to_builtins(protocols))
    for run in runs:
        for kind in ("inpainters", "detectors"):
            for name, model in run.models(kind).items():
                if paper := model.paper:
                    entries.setdefault(paper.title, _entry(name.partition(":")[0], msgspec.to_builtins(paper)))
    return "\n".join(entries.values())


def _software(runs: Sequence[Run]) -> str:
    """The programme that the figures come from, its version, and the year of the last run."""
    versions = {run.record.versions.get("safebench", "unknown") for run in runs}
    years = [(run.record.finished or "")[:4] for run in runs]
    fields = {
        "title": "{SafeBench: an anti-forensics benchmark for image inpainting}",
        "author": "{The SafeBench developers}",
        "howpublished": _tex(f"Software, version {', '.join(sorted(versions))}"),
        "year": max((year for year in years if year.isdigit()), default=""),
    }
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join(["@misc{safebench,", *lines, "}"]) + "\n"


def _entry(name: str, paper: Mapping[str, Any]) -> str:
    if paper.get("bibtex"):
        return str(paper["bibtex"]).strip() + "\n"
    fields = {
        "title": "{" + _tex(paper.get("title")) + "}",
        "author": _tex(" and ".join(_authors(str(paper.get("authors") or "")))),
        "howpublished": _tex(paper.get("venue")),
        "year": _tex(paper.get("year")),
        "url": re.sub(r"[{}\\\s]", "", str(paper.get("url") or "")),
    }
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value not in ("", "{}")]
    key = re.sub(r"[^a-z0-9]+", "", name.lower()) or "model"
    return "\n".join([f"@misc{{{key}{re.sub(r'[^0-9]', '', str(paper.get('year') or ''))},", *lines, "}"]) + "\n"


def _authors(text: str) -> Iterator[str]:
    for name in re.split(r",|\band\b|&", text):
        if name.strip():
            yield name.strip().replace("et al.", "others")


def _tex(value: object) -> str:
    from .latex import escaped

    return escaped(str(value)) if value not in (None, "") else ""


def _percent(name: object) -> object:
    return f"{name}%" if isinstance(name, str) and name[-1:].isdigit() else name


def _quoted(value: object) -> object:
    """Text behind an apostrophe where a spreadsheet would make something else of it."""
    return f"'{value}" if isinstance(value, str) and _NO_TEXT.match(value) else value
