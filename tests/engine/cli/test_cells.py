"""Tables of the terminal: how they use its width."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from safebench.cli.cells import tables
from safebench.metrics.catalogue import catalogue

SHOWN = [catalogue()[key] for key in ("auc", "f1", "detection_rate")]


def cells(**changed):
    rows = {"inpainter": ["criminisi", "telea"], "detector": ["splicebuster", "iid-net"]}
    frame = pd.DataFrame({**rows, "n": 18, "failures": 0, "inverted": [True, False]})
    for metric in SHOWN:
        frame[metric.key], frame[f"{metric.key}_low"], frame[f"{metric.key}_high"] = 0.5, 0.25, 0.75
    return frame.assign(**changed)


def printed(frame: pd.DataFrame, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(*tables("Detection", ("inpainter", "detector"), frame, SHOWN, console))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "count"), [(64, 3), (80, 2), (200, 1)])
def test_metrics_stand_abreast_as_far_as_there_is_room_and_nothing_is_cut(width, count):
    text = printed(cells(), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("Detection") == text.count("┏") == count
    for whole in ("criminisi", "telea", "splicebuster", "0.500 [0.250, 0.750]", "ACC (detection rate)"):
        assert whole in text
    assert text.count("inverted") == 1


def test_failures_have_a_column_where_there_are_any():
    assert "failed" not in printed(cells(), 200)
    assert "failed" in printed(cells(failures=[0, 2]), 200)


def test_names_are_no_markup_and_no_figure_is_a_dash():
    text = printed(cells(inpainter=["[red]a[/red]", "b"], auc=np.nan), 200)
    assert "[red]a[/red]" in text
    assert "│ - " in text or " - │" in text
