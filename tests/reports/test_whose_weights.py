"""Every form says whose weights gave its figures where they are not the authors'."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from safebench.cli.running import summarise
from safebench.results.reporting import write_report

from .making import MakeRun, model
from .reading import Page

SENTENCE = "Trained by SafeBench and shipped with it, not by the authors: weights of sharp."


@pytest.mark.parametrize("form", ["html", "markdown", "latex"])
@pytest.mark.parametrize("origin", ["shipped", "published"])
def test_reports_say_it(make_run: MakeRun, tmp_path: Path, form: str, origin: str) -> None:
    run = make_run(detectors={"sharp": model("sharp", weights_origin=origin)})
    write_report([run], tmp_path, form)
    written = " ".join(path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".html", ".md", ".tex"))
    plain = " ".join(written.replace("&#39;", "'").replace("\\", "").split())
    assert (SENTENCE in plain) == (origin == "shipped")


def test_the_terminal_says_it(make_run: MakeRun) -> None:
    run = make_run(detectors={"sharp": model("sharp", weights_origin="shipped")})
    console = Console(record=True, width=200, file=io.StringIO())
    summarise(run, console)
    assert SENTENCE in console.export_text()


def test_pages_say_what_shipped_weights_are_not_good_for_and_which_photos_they_saw(
    make_run: MakeRun, tmp_path: Path
) -> None:
    seen = {"content": 3, "name": 0, "photos": 4}
    run = make_run(detectors={"sharp": model("sharp", not_good_for="small <holes>", seen_in_training=seen)})
    page = Page(write_report([run], tmp_path, "html"))
    assert "As it ships, sharp is not good for small <holes>." in page.text
    told = "Seen in training: sharp learned from 3 of the 4 photos. Figures on such photos say little of others."
    assert told in page.text
    console = Console(record=True, width=200, file=io.StringIO())
    summarise(run, console)
    assert told in console.export_text()
