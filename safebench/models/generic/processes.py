"""Starting a command of the user's, with a limit of time and its words kept; it never outlives SafeBench."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from safebench.errors import ExchangeError
from safebench.files import file_errors
from safebench.models.generic import keeper

_GRACE = 5.0
"""Seconds in which a command that is asked to end may still do so (docker hands that on to its container)."""


def run_command(arguments: Sequence[str], folder: Path, seconds: float, log: Path) -> None:
    """Run a program to its end, without a shell, in `folder`; what it says goes to the file `log`.

    After `seconds` it is ended, with all that it started, and likewise where this process ends before it, even by
    kill -9: `keeper` waits in the command's group for the pipe from this process to close.  Raises ExchangeError,
    which names the log and its last line, where it cannot be started, takes longer, or ends with another status than 0.
    """
    with file_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as words:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(_GRACE), *arguments],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ExchangeError(f"{arguments[0]}: cannot be started ({error})") from None
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ExchangeError(_sentence(arguments[0], f"took longer than {seconds:g} seconds", log)) from None
        finally:
            _end(process)
            if process.stdin:
                process.stdin.close()
    if status != 0:
        what = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise ExchangeError(_sentence(arguments[0], what, log))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started, also what it left behind when it ended by itself."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def _sentence(program: str, what: str, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f"; its last words: {lines[-1].strip()[:200]}" if lines else ""
    return f"the command {program} {what}{last} (all of them: {log})"
