"""A run as people ask for it: an ordinary one, or one whose detectors first go on learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safebench.commands import notebook
from safebench.commands import run as ordinary
from safebench.commands.adapt import adapt
from safebench.errors import ConfigError
from safebench.files import expanded
from safebench.results.results import Results
from safebench.runs.config import RunConfig, make_config
from safebench.runs.options import as_argument
from safebench.work.watching import Silent, Watcher


def run(suite: str | Path | None = None, *, watcher: Watcher | None = None, **options: Any) -> notebook.Results:
    """Run a benchmark and return its results: pandas tables `.quality` and `.detection`, and their means.

    `options` are the fields of `safebench.runs.config.RunConfig` (`inpainters=["telea"]`, `images="sample"`, ...), laid
    over those of the TOML file `suite`; a path may be a `Path`, and None is as good as left out.  Run again, it does
    only what is missing.  A sample that fails becomes a row with its error.  Raises a SafebenchError for what keeps the
    run from beginning or going on, or, where `strict`, for the first failure.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if watcher is not None and not isinstance(watcher, Watcher):
        raise ConfigError(f"watcher={watcher!r}: has to have the methods begin, advance and note")
    config = make_config(given, None if suite is None else expanded(suite), as_argument)
    return notebook.Results(execute(config, watcher or Silent()))


def execute(config: RunConfig, watcher: Watcher) -> Results:
    """Run what `config` says; see `run`."""
    return adapt(config, watcher) if config.adapt else ordinary.execute(config, watcher)
