"""The help of `safebench run`, what Tab offers, and the page on suites."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from safebench.cli import panels
from safebench.cli.app import app, run
from safebench.runs.config import RunConfig

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_every_option_of_a_run_has_a_panel():
    placed = [name for options in panels.RUN.values() for name in options]
    assert sorted(placed) == sorted(set(inspect.signature(run).parameters) - {"suite"})


@pytest.mark.parametrize("command", [["run"], ["detect"], ["weights", "pull"], []])
def test_no_switch_shows_a_type(command):
    text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "100"}).output
    assert "--help" in text
    assert "bool" not in text.lower()


def test_the_help_of_a_run_has_panels_and_examples():
    text = CliRunner().invoke(app, ["run", "--help"]).output
    for heading in (*panels.RUN, "Examples"):
        assert heading in text
    assert "--no-keep-maps" in text


@pytest.mark.parametrize(
    ("offered", "begun", "expected"),
    [
        (panels.models("inpainters"), "te", ["telea"]),
        (panels.models("inpainters"), "lama:c", ["lama:celeba"]),
        (panels.models(), "spl", ["splicebuster"]),
        (panels.photos, "pla", ["places2"]),
        (panels.choices("lpips_net"), "", ["alex", "vgg", "squeeze"]),
        (panels.words("irregular", "nvidia"), "n", ["nvidia"]),
    ],
)
def test_tab_completes(offered, begun, expected):
    assert list(offered(begun)) == expected


def test_the_page_on_suites_has_every_key_and_no_other():
    told = re.findall(r"^\| `(\w+)` \|", (DOCS / "suites.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(field.name for field in msgspec.structs.fields(RunConfig))
