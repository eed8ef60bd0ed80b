"""The commands from finished runs to what others read, as a user types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.errors import SafebenchError, StoreError, SubmissionError, UnknownNameError

from .making import MakeRun


def typed(*words: object) -> str:
    """What a command prints; raises what it raises."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_from_runs_to_pages(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("one").folder, make_run("two", dataset="places2").folder]
    board = tmp_path / "board"
    assert typed("leaderboard", *runs, "--out", board).split() == [str(board / "index.html")]
    told = typed("publish", board, "--to", tmp_path / "pages", "--dry-run")
    assert "head-to-head.html" in told
    assert "Nothing was sent" in told
    typed("publish", board, "--to", tmp_path / "pages")
    assert (tmp_path / "pages" / "index.html").read_bytes() == (board / "index.html").read_bytes()
    out = tmp_path / "tables"
    assert typed("leaderboard", *runs, "--out", out, "--format", "csv").split() == [str(out / "detection.csv")]


def test_a_run_that_cannot_be_read_is_named(make_run: MakeRun, tmp_path: Path) -> None:
    def refused(why: str) -> None:
        with pytest.raises(StoreError, match=why):
            typed("leaderboard", folder, "--out", tmp_path / "board")

    folder = make_run("broken").folder
    shard = next((folder / "results" / "quality").glob("*.parquet"))
    whole = pd.read_parquet(shard)
    whole.drop(columns="composite").to_parquet(shard)
    refused(r"is no table of this SafeBench \(it lacks composite\)")
    shard.write_bytes(shard.read_bytes()[:100])
    refused(r"parquet: is damaged")
    shutil.rmtree(folder / "results")
    refused("holds no results yet")
    (folder / "run.json").write_text('{"inpainters": []}')
    refused(r"run\.json: cannot be read \(Expected `object`, got `array` - at `\$\.inpainters`\)")
    assert not (tmp_path / "board").exists()


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        (("leaderboard", "{folder}/none", "--out", "{folder}/x"), StoreError, "is no run's folder"),
        (("leaderboard", "{run}", "--out", "{folder}/x", "--format", "pdf"), UnknownNameError, "is called 'pdf'"),
        (("submit", "{run}", "--out", "{folder}/x.zip"), SubmissionError, "its photos are not those"),
        (("publish", "{folder}", "--to", "hf:a/b"), SafebenchError, r"holds no index\.html"),
        (("reproduce", "table9", "--out", "{folder}/x"), UnknownNameError, "the paper has no 'table9'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(
    make_run: MakeRun, tmp_path: Path, words: tuple[str, ...], error: type[Exception], why: str
) -> None:
    run = make_run("mistaken").folder
    with pytest.raises(error, match=why):
        typed(*(word.format(folder=tmp_path, run=run) for word in words))
    assert list(tmp_path.iterdir()) == []
