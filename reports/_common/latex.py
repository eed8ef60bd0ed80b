"""LaTeX in booktabs style: the best figure bold, the second underlined; nothing of a name is taken as a command."""

from __future__ import annotations

import re
from collections.abc import Sequence

from safebench.keys import slug

from .cells import Cell
from .papers import PaperTable

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "–": "--",
    "—": "---",
    "−": r"\ensuremath{-}",
    "∞": r"\ensuremath{\infty}",
    "≥": r"\ensuremath{\geq}",
    "×": r"\ensuremath{\times}",
    **{character: f"\\{character}" for character in "#$%&_"},
}
_ARROWS = {"low": r" $\downarrow$", "high": r" $\uparrow$", "": ""}

DOCUMENT = r"""% Compile with pdflatex, lualatex or xelatex.  Each table is a file of its own, to be
% \input where it is wanted; it needs the packages booktabs and graphicx (and textcomp before LaTeX of 2020).
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\begin{document}
%INPUTS%
\end{document}
"""


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; control characters and letters beyond its default fonts become `?`."""
    return "".join(_ESCAPES.get(c, c if (c.isascii() and c.isprintable()) or c in _LATIN else "?") for c in text)


_LATIN = set(map(chr, range(0xC0, 0x180))) - set("×÷ĸŉŦŧĦħĿŀ")


def files(tables: Sequence[PaperTable]) -> dict[str, str]:
    """File names to their text: one a table, and leaderboard.tex that takes them all in and compiles."""
    written: dict[str, str] = {}
    for table in tables:
        name = slug(table.name, 120)
        while f"{name}.tex" in written:
            name += "-"
        written[f"{name}.tex"] = one(table)
    inputs = "\n".join(f"\\input{{{name.removesuffix('.tex')}}}\n\\clearpage" for name in written)
    return {"leaderboard.tex": DOCUMENT.replace("%INPUTS%", inputs or "No figures."), **written}


def one(table: PaperTable) -> str:
    """One table environment."""
    heads = [escaped(column.label) + _ARROWS[table.arrow(column)] for column in table.columns]
    align = "".join("r" if column.metric or column.count else "l" for column in table.columns)
    lines = [" & ".join(_cell(cell, table) for cell in row) + r" \\" for row in table.rows]
    body = [r"\toprule", " & ".join(heads) + r" \\", r"\midrule", *lines, r"\bottomrule"]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(table.caption)}}}",
            rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]', '-', table.name)}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{align}}}",
            *body,
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _cell(cell: Cell, table: PaperTable) -> str:
    text = escaped(cell.text)
    place = cell.best.get(table.view)
    text = rf"\textbf{{{text}}}" if place == 1 else rf"\underline{{{text}}}" if place == 2 else text
    asides = [cell.interval, "inverted" if cell.inverted else "", cell.note]
    return " ".join([text, *(rf"{{\tiny {escaped(aside)}}}" for aside in asides if aside)])
