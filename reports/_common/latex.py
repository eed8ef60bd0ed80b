"""LaTeX in booktabs style: the best figure bold, the second underlined; nothing of a name is taken as a command."""

from __future__ import annotations

import re
from collections.abc import Sequence

from safebench.keys import slug
from safebench.metrics.metric import View

from .cells import Cell
from .paper_shape import ShapedTable
from .papers import PaperTable
from .words import MISSING

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


ALONE = r"""% Compiles by itself with pdflatex, lualatex or xelatex, and can be \input into a paper, which then needs
% the packages booktabs and graphicx (and textcomp before LaTeX of 2020).
\makeatletter
\newif\ifsafebenchalone
\ifx\@nodocument\relax\safebenchalonefalse\else\safebenchalonetrue\fi
\makeatother
\ifsafebenchalone
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\begin{document}
\fi
%TABLES%
\ifsafebenchalone\def\safebenchend{\end{document}}\else\let\safebenchend\relax\fi
\safebenchend
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
    return _environment(table.name, table.caption, align, [" & ".join(heads) + r" \\", r"\midrule", *lines])


def _environment(name: str, caption: str, align: str, body: Sequence[str]) -> str:
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(caption)}}}",
            rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]', '-', name)}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{align}}}",
            r"\toprule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _cell(cell: Cell, table: PaperTable) -> str:
    asides = [cell.interval, "inverted" if cell.inverted else "", cell.note]
    return " ".join([_figure(cell, table.view), *(_small(aside) for aside in asides if aside)])


def _figure(cell: Cell, view: View) -> str:
    """A figure, bold where it is the best of its list and underlined where the second."""
    text = escaped(cell.text)
    place = cell.best.get(view)
    return rf"\textbf{{{text}}}" if place == 1 else rf"\underline{{{text}}}" if place == 2 else text


def _small(aside: str) -> str:
    return rf"{{\tiny {escaped(aside)}}}"


def alone(tables: Sequence[ShapedTable]) -> str:
    """One file of all these tables, which compiles by itself and can be taken into a paper."""
    return ALONE.replace("%TABLES%", "\n".join(map(_shaped, tables)) or "No figures.")


def _shaped(table: ShapedTable) -> str:
    """One table environment: a head for each detector over its bins, a line for each inpainter, controls apart."""
    width = len(table.bins)
    heads, rules = [""], []
    for k, group in enumerate(table.groups):
        first = 2 + k * width
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escaped(group)}}}")
        rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
    named = [" & ".join(heads) + r" \\", *rules] if any(table.groups) else []
    of_bins = " & ".join(["Inpainter", *(escaped(name) for _ in table.groups for name in table.bins)])
    lines = [_line(name, cells) for name, cells in table.lines]
    ranked = len(lines) - table.controls
    body = [*named, of_bins + r" \\", r"\midrule", *lines[:ranked]]
    body += [*([r"\midrule"] if 0 < ranked < len(lines) else []), *lines[ranked:]]
    return _environment(table.name, table.caption, "l" + "c" * width * len(table.groups), body)


def _line(name: str, cells: Sequence[Cell | None]) -> str:
    """An inpainter's figures, and in a small line below what is to be known of each; a dash where there is none."""
    figures = [escaped(MISSING) if cell is None else _figure(cell, "inpainter") for cell in cells]
    asides = ["" if cell is None else " ".join(filter(None, (cell.interval, _remark(cell)))) for cell in cells]
    line = " & ".join([escaped(name), *figures]) + r" \\"
    below = " & ".join(["", *(_small(aside) if aside else "" for aside in asides)]) + r" \\[2pt]"
    return "\n".join([line, below]) if any(asides) else line


def _remark(cell: Cell) -> str:
    return ", ".join(filter(None, ("inverted" if cell.inverted else "", cell.note)))
