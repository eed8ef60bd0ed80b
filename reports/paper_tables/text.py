"""A paper's table as plain text, CSV and LaTeX."""

from __future__ import annotations

import io

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from safebench.files import cache_folder

from .._common.export import csv
from .._common.latex import escaped
from .published_vs_measured import CACHE, Comparison

WIDTH = 160


def as_text(found: Comparison) -> str:
    """What the command prints: for each figure published, measured and their difference."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=WIDTH)
    console.print(Text(f"{found.table}: {found.title}", style="bold"))
    for remark in found.remarks:
        console.print(Text(remark))
    for block in found.blocks:
        table = Table(title=Text(f"{block.title}{'; ' if block.remark else ''}{block.remark}"), title_justify="left")
        table.add_column("", overflow="fold")
        for metric, hole in block.columns:
            table.add_column(Text(f"{metric}\n{hole}"), justify="right")
        for line in block.lines:
            note = line.note or ("" if line.measured else "not run")
            label = Text(line.label) + Text(f"\n{note}" if note else "", style="dim")
            texts = [
                _cell(c.published, c.measured.split(" ")[0], c.difference) if line.measured else c.published or "–"
                for c in line.cells
            ]
            table.add_row(label, *map(Text, texts))
        console.print(table)
    console.print(Text("Each cell: published / measured / difference; – where there is none. Intervals: the page."))
    console.print(Text("A model that was not run has its published figures alone."))
    for name, why in found.reasons:
        console.print(Text(f"Blank: {name}: {why}"), soft_wrap=True)
    if any(CACHE in why for _, why in found.reasons):
        console.print(Text(f"{CACHE} is {cache_folder()}"), soft_wrap=True)
    return buffer.getvalue()


def as_csv(found: Comparison) -> bytes:
    """One row a figure."""
    rows = [
        {
            "table": found.table,
            "block": block.title,
            "model": line.label,
            "metric": metric,
            "hole": hole,
            "published": cell.published,
            "measured": cell.value.value,
            "low": cell.value.low,
            "high": cell.value.high,
            "difference": cell.difference.replace("−", "-"),
            "n": cell.n,
            "why_blank": cell.reason,
        }
        for block in found.blocks
        for line in block.lines
        for (metric, hole), cell in zip(block.columns, line.cells, strict=True)
    ]
    frame = pd.DataFrame(rows)
    return csv(frame.assign(difference=pd.to_numeric(frame["difference"])) if rows else frame)


def as_latex(found: Comparison) -> str:
    """One booktabs table a block: published, measured and difference under one another."""
    parts = []
    for block in found.blocks:
        heads = " & ".join(["", *(escaped(f"{metric} {hole}") for metric, hole in block.columns)])
        lines = []
        for line in block.lines:
            for what, values in (
                (line.label, [cell.published for cell in line.cells]),
                ("  measured", [cell.measured for cell in line.cells]),
                ("  difference", [cell.difference for cell in line.cells]),
            ):
                lines.append(" & ".join([escaped(what), *(escaped(value) or "--" for value in values)]) + r" \\")
        remark = "; ".join(part for part in (block.title, block.remark, *found.remarks) if part)
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    r"\centering",
                    rf"\caption{{{escaped(found.title)}. {escaped(remark)}}}",
                    r"\resizebox{\linewidth}{!}{%",
                    rf"\begin{{tabular}}{{l{'r' * len(block.columns)}}}",
                    r"\toprule",
                    rf"{heads} \\",
                    r"\midrule",
                    *lines,
                    r"\bottomrule",
                    r"\end{tabular}}",
                    r"\end{table}",
                ]
            )
        )
    return "% needs booktabs and graphicx\n" + "\n\n".join(parts) + "\n"


def _cell(published: str, measured: str, difference: str) -> str:
    return "\n".join(part or "–" for part in (published, measured, difference))
