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


CONDITIONS = [
    (assembly, postprocess)
    for assembly in ("regenerated", "spliced")
    for postprocess in ("jpeg:75", "none", "resize:0.5+jpeg:90", "vae:an_autoencoder@a1b2c3")
]


def under_conditions():
    parts = [cells(assembly=assembly, postprocess=postprocess) for assembly, postprocess in CONDITIONS]
    return pd.concat(parts, ignore_index=True)


def names_of(text):
    return {cell.strip() for line in text.splitlines() for cell in line.split("│")}


@pytest.mark.parametrize("width", [64, 80, 120, 200])
def test_no_name_is_broken_under_conditions_either(width):
    text = printed(under_conditions(), width)
    assert max(map(len, text.splitlines())) <= width
    assert {"criminisi", "telea", "splicebuster", "iid-net"} <= names_of(text)
    assert all(postprocess == "none" or postprocess in text for _, postprocess in CONDITIONS)


def test_conditions_are_columns_where_there_is_room_and_else_tables_of_their_own():
    wide, narrow = printed(under_conditions(), 200), printed(under_conditions(), 80)
    assert {"regenerated", "resize:0.5+jpeg:90"} <= names_of(wide)
    assert not {"regenerated", "resize:0.5+jpeg:90"} & names_of(narrow)
    titles = [line.strip() for line in narrow.splitlines() if line.startswith("Detection:")]
    assert len(titles) == 8 * 2
    assert titles[0] == "Detection: spliced pictures without post-processing"
    assert "Detection: regenerated pictures after vae:an_autoencoder@a1b2c3" in " ".join(narrow.split())


def test_the_usual_condition_is_not_spoken_of():
    text = printed(cells(assembly="spliced", postprocess="none"), 80)
    assert "spliced" not in text
    assert "none" not in text


def test_a_name_that_has_no_room_is_folded_and_not_lost():
    name = "a_model_of_the_user_s_own_with_a_long_name"
    text = printed(cells(inpainter=[name, "telea"], detector=[name, "b"]), 64)
    assert "…" not in text
    first = "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    assert name in first
