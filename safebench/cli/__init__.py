"""The command line: `safebench run`, `inpaint`, `detect`, `report`, `list`, `data`, `weights`, `doctor`.

Modules that take long to import are imported inside the commands, so that `--help` and `list` answer at once.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import warnings

from safebench.errors import ExitStatus, SafebenchError
from safebench.files import file_error

OBJECTS_PER_COLLECTION = 50_000
"""New objects after which Python looks for circles among them; 700 where nobody says otherwise."""


def main() -> None:
    """The entry point of the `safebench` command: a user's mistake ends in one sentence, not a traceback."""
    # imports make many objects that stay: looking through them again and again took a tenth of the time of `list`
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    # before torch is loaded: its idle threads otherwise spin, and take the processors from those that read and measure
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from safebench.cli.app import app

    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show ends no command
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SafebenchError as error:
        sys.stderr.write(f"safebench: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:  # what was not foreseen nearer to its place
        sys.stderr.write(f"safebench: {file_error(error)}\n")
        sys.exit(ExitStatus.ERROR)
    except SystemExit as end:
        if end.code == ExitStatus.STOPPED:  # into which typer turns KeyboardInterrupt
            sys.stderr.write("safebench: stopped; the same command goes on where this one was\n")
        raise


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    """Warnings of SafeBench as one line; those of libraries are theirs to mend, not the user's."""
    del lineno, file, line
    if issubclass(category, UserWarning) and "safebench" in filename:
        sys.stderr.write(f"safebench: warning: {message}\n")
