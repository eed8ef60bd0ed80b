"""Widths of a table's columns, so that no word is broken where a terminal has room for the longest of each."""

from __future__ import annotations

from rich.cells import cell_len
from rich.table import Column, Table

_LEAST = 8
"""Narrower columns are left to rich."""
_PATH = 10
"""Columns that a path needs, which is folded where there is no room for more."""


def fit(table: Table, width: int) -> Table:
    """The same table, its columns as wide as `width` columns of a terminal allow: first the longest word of each, then
    what is left to those with most to say.  Where the words have no room, the longest are broken."""
    columns = [[str(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    words = [_widest(texts, column) for texts, column in zip(columns, table.columns, strict=True)]
    lines = [max(cell_len(line) for text in texts for line in text.splitlines() or [""]) for texts in columns]
    widths = [min(word, line) for word, line in zip(words, lines, strict=True)]
    left = width - sum(widths) - 3 * len(columns) - (1 if table.pad_edge else -1)
    broken = [k for k, column in enumerate(table.columns) if not column.no_wrap]
    while left < 0 and broken and max(widths[k] for k in broken) > _LEAST:  # few words rather than many
        widths[max(broken, key=widths.__getitem__)] -= 1
        left += 1
    if left < 0:
        return table
    for _ in range(left):
        wanting = [k for k, line in enumerate(lines) if widths[k] < line]
        if not wanting:
            break
        widths[max(wanting, key=lambda k: lines[k] / widths[k])] += 1
    for column, own in zip(table.columns, widths, strict=True):
        column.width = own
    return table


def _widest(texts: list[str], column: Column) -> int:
    """The columns of a terminal that the longest word takes, or the longest line of what is never wrapped."""
    if column.no_wrap:
        return max(cell_len(line) for text in texts for line in text.splitlines() or [""])
    return max(
        min(cell_len(word), _PATH) if "/" in word else cell_len(word) for text in texts for word in text.split() or [""]
    )
