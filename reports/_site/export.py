"""The tables as data: cells of all groups in long tables, and the papers behind them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from safebench.comparing import Group, group
from safebench.results import Results

from .runs import Run, as_run, mapping

_TERMS = {
    "protocol": "protocol",
    "photos": "photo_set",
    "masks": "mask_set",
    "size": "size",
    "LPIPS backbone": "lpips_backbone",
}
_FRAMES = ("quality", "detection", "false_alarms")


def tables_of(results: Sequence[Results]) -> list[tuple[Group, Run]]:
    """Like runs together, each group under the name of its table: `Table 1`, ..."""
    return [(like, as_run(f"Table {k}", like)) for k, like in enumerate(group(results), start=1)]


def frames(tables: Sequence[tuple[Group, Run]]) -> dict[str, pd.DataFrame]:
    """The cells of all tables by name: `quality`, `detection`, `false-alarms`.

    Columns: `table`, the terms under which its figures compare, then those of `safebench.tables`.
    """
    found = {}
    for name in _FRAMES:
        parts = []
        for like, run in tables:
            tables_ = run.results
            cells = tables_.false_alarms if name == "false_alarms" else getattr(tables_, f"{name}_cells")
            told = {_TERMS[key]: value for key, value in like.terms.told.items()}
            parts.append(cells.assign(table=run.label, **told)[["table", *told, *cells.columns]])
        found[name.replace("_", "-")] = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    return found


def csv(frame: pd.DataFrame) -> bytes:
    """A table as CSV, every digit kept; text that a spreadsheet would run as a formula is quoted by an apostrophe."""
    text = frame.select_dtypes(exclude=["number", "bool"]).columns
    safe = frame.assign(**{name: frame[name].map(_no_formula) for name in text})
    return safe.to_csv(index=False, lineterminator="\n").encode()


def parquet(frame: pd.DataFrame) -> bytes:
    """A table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def json(found: Mapping[str, pd.DataFrame]) -> bytes:
    """All tables as one JSON object: name to rows; null where there is no figure."""
    parts = [f'"{name}": {frame.to_json(orient="records", double_precision=15)}' for name, frame in found.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def bibtex(runs: Sequence[Run]) -> str:
    """One entry for each paper that a card names, and the benchmark's protocol's own."""
    entries: dict[str, str] = {}
    for run in runs:
        for kind in ("inpainters", "detectors"):
            for name, model in run.models(kind).items():
                if paper := mapping(model.get("paper")):
                    entries.setdefault(str(paper.get("title")), _entry(name.partition(":")[0], paper))
    return "\n".join(entries.values())


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


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
