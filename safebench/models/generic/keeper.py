"""Run as a script: becomes a command, and leaves a process beside it that ends it where SafeBench is gone.

`python keeper.py SECONDS PROGRAM ARGUMENT...` in a session of its own, with a pipe from SafeBench as its standard
input, on which nothing is ever sent.  The pipe closes when SafeBench ends, in whatever way: then all of the command's
group is asked to end, and killed after so many seconds.  It imports nothing of SafeBench's, so that it starts at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def _wait_and_end(pipe: int, seconds: float) -> None:
    """Until the pipe closes; then end the group, this process with it."""
    for stream in (1, 2):  # the log is the command's: who waits for its end is not to wait for this process
        os.close(stream)
    os.read(pipe, 1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    time.sleep(seconds)
    os.killpg(0, signal.SIGKILL)


def _become(program: list[str]) -> None:
    """The command takes this process's place, and finds an empty standard input."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)  # noqa: S606
    except (OSError, ValueError) as error:
        sys.exit(f"{program[0]}: cannot be started ({error})")


def main() -> None:
    """See above; the process that waits is nobody's child, so that the command has none that it did not start."""
    seconds, *program = sys.argv[1:]
    if (child := os.fork()) == 0:
        if os.fork() == 0:
            _wait_and_end(0, float(seconds))
        os._exit(0)
    os.waitpid(child, 0)
    _become(program)


if __name__ == "__main__":
    main()
