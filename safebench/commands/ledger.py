"""results.csv of work on a folder of images: a line for each, written as soon as it is known."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from safebench.errors import FileError
from safebench.files import atomic_write, file_errors

NAME = "results.csv"


class Ledger:
    """The lines of a results.csv, by their first column; a process that is killed loses the line it was writing.

    columns: their names; a file that has others is refused with a FileError.
    """

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.path = folder / NAME
        self._columns = list(columns)
        self._lines: dict[str, dict[str, str]] = {}
        if self.path.exists():
            self._read()

    def line(self, name: str) -> Mapping[str, str] | None:
        """What is written of an image; None where nothing is."""
        return self._lines.get(name)

    def write(self, line: Mapping[str, str]) -> None:
        """Add a line at the end of the file."""
        with file_errors(self.path):
            if not self.path.exists():
                atomic_write(self.path, self._text([]).encode())
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(self._text([line], head=False))
        self._lines[line[self._columns[0]]] = dict(line)

    def keep(self, names: Sequence[str]) -> None:
        """Write the file again with the latest line of each of these, in their order, and of no others."""
        lines = [self._lines[name] for name in names if name in self._lines]
        with file_errors(self.path):
            atomic_write(self.path, self._text(lines).encode())

    def _read(self) -> None:
        with file_errors(self.path):
            text = self.path.read_text(encoding="utf-8", errors="backslashreplace")
        rows = list(csv.reader(io.StringIO(text)))
        if not rows or rows[0] != self._columns:
            raise FileError(f"{self.path}: is no results.csv of this command; name another folder with --out")
        whole = rows[1:] if text.endswith("\n") else rows[1:-1]
        lines = [dict(zip(self._columns, row, strict=True)) for row in whole if len(row) == len(self._columns)]
        self._lines = {line[self._columns[0]]: line for line in lines}
        atomic_write(self.path, self._text(list(self._lines.values())).encode())

    def _text(self, lines: Sequence[Mapping[str, str]], *, head: bool = True) -> str:
        file = io.StringIO()
        writer = csv.DictWriter(file, self._columns, lineterminator="\n")
        if head:
            writer.writeheader()
        writer.writerows(lines)
        return file.getvalue()
