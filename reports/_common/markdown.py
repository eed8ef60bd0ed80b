"""Markdown tables (GitHub's): the best figure bold, the second underlined; nothing of a name is taken as markup."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from .cells import Cell
from .papers import PaperTable

_ARROWS = {"low": " ↓", "high": " ↑", "": ""}


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~:-])", r"\\\1", plain)


def page(tables: Sequence[PaperTable]) -> str:
    """All tables under one heading."""
    parts = ["# Leaderboard\n", *(one(table) for table in tables)]
    return "\n".join(parts if len(parts) > 1 else [*parts, "No figures.\n"])


def one(table: PaperTable) -> str:
    """One table with its caption above."""
    heads = [escaped(column.label) + _ARROWS[table.arrow(column)] for column in table.columns]
    rules = ["---:" if column.metric or column.count else "---" for column in table.columns]
    rows = [[_cell(cell, table) for cell in row] for row in table.rows]
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows)]
    return "\n".join([f"{escaped(table.caption)}\n", *lines, ""])


def _cell(cell: Cell, table: PaperTable) -> str:
    text = escaped(cell.text)
    place = cell.best.get(table.view)
    text = f"**{text}**" if place == 1 else f"<ins>{text}</ins>" if place == 2 else text
    asides = [cell.interval, "inverted" if cell.inverted else "", cell.note]
    return " ".join([text, *(escaped(aside) for aside in asides if aside)])
