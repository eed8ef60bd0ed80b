"""Reads a written page back: elements, text, tables, data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

Attributes = dict[str, str | None]


@dataclass
class Row:
    """One row of a table."""

    attributes: Attributes
    cells: list[str] = field(default_factory=list)
    cell_attributes: list[Attributes] = field(default_factory=list)

    def has(self, facets: dict[str, str]) -> bool:
        return all(self.attributes.get(f"data-{key}") == value for key, value in facets.items())


class Page(HTMLParser):
    """A written page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.text = ""
        self.heads: dict[str, list[str]] = {}
        self.rows: dict[str, list[Row]] = {}
        """The rows of each table's body, by the table's id."""
        self.data: dict[str, Any] = {}
        self._table = self._within = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.elements.append((tag, values))
        if tag == "table":
            self._table = values.get("id") or ""
            self.heads[self._table], self.rows[self._table] = [], []
        elif tag == "th":
            self.heads[self._table].append(values.get("data-key") or "")
        elif tag == "tr":
            self.rows[self._table].append(Row(values))
        elif tag == "td":
            self.rows[self._table][-1].cells.append("")
            self.rows[self._table][-1].cell_attributes.append(values)
        if tag in ("td", "script"):
            self._within = tag

    def handle_data(self, data: str) -> None:
        values = self.elements[-1][1] if self.elements else {}
        if self._within == "script":
            self.data[values["id"] or ""] = json.loads(data)
            return
        self.text += data
        if self._within == "td":
            self.rows[self._table][-1].cells[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""
        if tag == "thead":
            self.rows[self._table].clear()

    def cells(self, table: str, **facets: str) -> dict[str, str]:
        """The text of each column in the one row of a table that has these facets."""
        [row] = [row for row in self.rows[f"{table}-table"] if row.has(facets)]
        return dict(zip(self.heads[f"{table}-table"], (" ".join(cell.split()) for cell in row.cells), strict=True))

    def best(self, table: str, metric: str, view: str, of: str, **facets: str) -> dict[str, str]:
        """Whom a column marks as best ("1") or second ("2") among the rows that have these facets."""
        column = self.heads[f"{table}-table"].index(metric)
        marks = {
            row.attributes[f"data-{of}"]: row.cell_attributes[column].get(f"data-best-{view}")
            for row in self.rows[f"{table}-table"]
            if row.has(facets)
        }
        return {name: place for name, place in marks.items() if name and place}
