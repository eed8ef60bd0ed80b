"""Processes that begin with torch and SafeBench imported: as apart as any other, without the seconds that imports take.

Not for what depends on how Python starts, on what is imported when, or on the most memory that a process had.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

COMMAND_LINE = "from safebench.cli import main; main()"
"""The code of a process that is a command, given as its arguments."""

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "pytest", "accelerate", "torch.utils.tensorboard", "safebench.cli.app", "safebench.commands.running",
        "safebench.metrics.perceptual", "safebench.models.calling", "safebench.training.loop",
    ]
)  # fmt: skip
_PATH = list(sys.path)
"""As the tests began: one of them may have added to it since."""

_BEGIN = """
import os, sys, warnings
for descriptor, file in ((1, out), (2, err)):
    os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
os.environ.clear()
os.environ.update(environment)
os.chdir(folder)
sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *path]
sys.argv[:] = arguments
warnings.simplefilter("always")
exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
"""


class Forked:
    """A process that runs `code` in `folder` with `arguments` as `sys.argv`; like `subprocess.Popen`."""

    def __init__(self, code: str, folder: Path, environment: dict[str, str], arguments: Sequence[str] = ()) -> None:
        self.arguments = list(arguments) or ["-c"]
        self._printed = TemporaryDirectory()
        self._out, self._err = (str(Path(self._printed.name, name)) for name in ("out", "err"))
        given = {
            "code": textwrap.dedent(code), "folder": str(folder), "environment": environment, "path": _PATH,
            "arguments": self.arguments, "out": self._out, "err": self._err,
        }  # fmt: skip
        self._process = _SERVER.Process(target=exec, args=(_BEGIN, given))
        self._process.start()

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it), or None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def finish(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        self._process.join()
        assert self._process.exitcode is not None
        told = [Path(file).read_text(errors="backslashreplace") for file in (self._out, self._err)]
        self._printed.cleanup()
        return subprocess.CompletedProcess(self.arguments, self._process.exitcode, *told)


def run_forked(
    code: str, folder: Path, environment: dict[str, str] | None = None, arguments: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process that begins with everything imported; `environment` is set beside the present one."""
    return Forked(code, folder, {**os.environ, **(environment or {})}, arguments).finish()
