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
from .published_vs_measured import CACHE, Beside, Block, Comparison, Line

WIDTH = 160


def as_text(comparison: Comparison) -> str:
    """What the command prints: for each figure published, measured and their difference; measured where alone."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=WIDTH)
    console.print(Text(f"{comparison.table}: {comparison.title}", style="bold"))
    for remark in comparison.remarks:
        console.print(Text(remark))
    for block in comparison.blocks:
        table = Table(title=Text(f"{block.title}{'; ' if block.remark else ''}{block.remark}"), title_justify="left")
        table.add_column("", overflow="fold")
        for metric, hole in block.columns:
            table.add_column(Text(f"{metric}\n{hole}"), justify="right")
        for line in block.lines:
            note = line.note or ("" if line.measured else "not run")
            label = Text(line.label) + Text(f"\n{note}" if note else "", style="dim")
            texts = [_cell(block, line, cell) for cell in line.cells]
            table.add_row(label, *map(Text, texts))
        console.print(table)
    what = "Each cell: published / measured / difference" if comparison.published else "Measured figures"
    console.print(Text(f"{what}; – where there is none. Intervals: the page."))
    if comparison.published:
        console.print(Text("A model that was not run has its published figures alone."))
    for name, why in comparison.reasons:
        console.print(Text(f"Blank: {name}: {why}"), soft_wrap=True)
    if any(CACHE in why for _, why in comparison.reasons):
        console.print(Text(f"{CACHE} is {cache_folder()}"), soft_wrap=True)
    return buffer.getvalue()


def as_csv(comparison: Comparison) -> bytes:
    """One row a figure; no columns of published figures where the table has none."""
    rows = [
        {
            "table": comparison.table,
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
            **{f"training_{k}": value for k, value in enumerate(cell.of_each, start=1)},
            "why_blank": cell.reason,
        }
        for block in comparison.blocks
        for line in block.lines
        for (metric, hole), cell in zip(block.columns, line.cells, strict=True)
    ]
    frame = pd.DataFrame(rows)
    if not comparison.published:
        return csv(frame.drop(columns=["published", "difference"], errors="ignore"))
    return csv(frame.assign(difference=pd.to_numeric(frame["difference"])))


def as_latex(comparison: Comparison) -> str:
    """One booktabs table a block: published, measured and difference under one another, or measured alone."""
    parts = []
    for block in comparison.blocks:
        heads = " & ".join(["", *(escaped(f"{metric} {hole}") for metric, hole in block.columns)])
        lines = []
        for line in block.lines:
            measured = [cell.measured for cell in line.cells]
            beside = [
                (line.label, [cell.published for cell in line.cells]),
                ("  measured", measured),
                ("  difference", [cell.difference for cell in line.cells]),
            ]
            for what, values in beside if block.published else [(line.label, measured)]:
                lines.append(" & ".join([escaped(what), *(escaped(value) or "--" for value in values)]) + r" \\")
        remark = "; ".join(part for part in (block.title, block.remark, *comparison.remarks) if part)
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    r"\centering",
                    rf"\caption{{{escaped(comparison.title)}. {escaped(remark)}}}",
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


def _cell(block: Block, line: Line, cell: Beside) -> str:
    """Published, measured and difference under one another; of a block without published figures the measured."""
    measured = cell.measured.split(" ")[0]
    if not block.published:
        return measured or "–"
    if not line.measured:
        return cell.published or "–"
    return "\n".join(part or "–" for part in (cell.published, measured, cell.difference))
