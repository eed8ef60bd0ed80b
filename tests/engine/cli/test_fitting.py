"""Tables that fit a terminal: words stay whole where they have room."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.cli.fitting import fit
from safebench.models import registry


@pytest.mark.parametrize("kind", ["inpainters", "detectors", "metrics"])
def test_no_list_breaks_a_word_at_80_columns(kind):
    text = CliRunner().invoke(app, ["list", kind], env={"COLUMNS": "80"}).output
    assert max(map(len, text.splitlines())) <= 80
    shown = {word for line in text.splitlines() for word in line.replace("│", " ").split()}
    whole = {word for line in CliRunner().invoke(app, ["list", kind], env={"COLUMNS": "400"}).output.splitlines()
             for word in line.replace("│", " ").split() if "/" not in word}  # fmt: skip
    assert {word for word in whole if word[0].isalnum() or word[0] == "("} <= shown


def test_licences_of_models_stay_whole():
    text = CliRunner().invoke(app, ["list", "inpainters"], env={"COLUMNS": "80"}).output
    assert all(name in text for name in registry.entries("inpainters"))
    assert "non-commercial" in text
    text = CliRunner().invoke(app, ["list", "datasets"], env={"COLUMNS": "80"}).output
    assert "(danielbuechele);" in text, "one title has no room; the others' words stay whole"


def test_names_of_weights_stay_whole():
    text = CliRunner().invoke(app, ["weights", "list"], env={"COLUMNS": "80"}).output
    assert max(map(len, text.splitlines())) <= 80
    assert "comodgan:places2-512" in text
    assert "non-commercial" in text


def test_what_is_left_goes_to_those_with_most_to_say_and_no_room_is_left_to_rich():
    table = Table("a", "b")
    table.add_row("short", "one two three four five six seven")
    assert [column.width for column in fit(table, 40).columns] == [5, 28]
    assert [column.width for column in fit(table, 60).columns] == [5, 33]
    narrow = Table("a", "b")
    narrow.add_row("unbreakable", "words")
    assert [column.width for column in fit(narrow, 12).columns] == [None, None]
    Console(width=12, quiet=True).print(narrow)
