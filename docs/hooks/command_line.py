"""The reference of the command line, generated from the commands themselves by typer."""

from __future__ import annotations

import re
import subprocess
import sys

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGE = "reference/command-line.md"
MARKUP = {
    re.compile(r"\[bold\](.*?)\[/bold\]"): r"**\1**",
    re.compile(r"\[cyan\](.*?)\[/cyan\]"): r"`\1`",
}
"""Of the terminal's markup in examples, what is the same in Markdown."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content=reference()))
    return files


def reference() -> str:
    """The page: every command with its arguments and options, as `--help` tells them."""
    command = [sys.executable, "-m", "typer", "safebench.cli.app", "utils", "docs", "--name", "safebench"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for markup, markdown in MARKUP.items():
        text = markup.sub(markdown, text)
    return text
