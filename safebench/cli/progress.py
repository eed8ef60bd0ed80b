"""Progress at a terminal as bars with rates and time left; elsewhere as plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from safebench.work.watching import Watcher

_LINE_SECONDS = 10.0


@contextmanager
def watching(console: Console) -> Iterator[Watcher]:
    """A watcher that draws on the console until the block ends."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)


class _Rate(ProgressColumn):
    """Samples a second, of those that were not at hand already."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "")


class Bars:
    """A bar for each stage, and, where it is known how much all stages are, one for all of them above."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._all: TaskID | None = None

    def expect(self, total: int) -> None:
        """A bar for all stages."""
        self._all = self._progress.add_task("All stages", total=total)

    def begin(self, title: str, total: int) -> None:
        """A new bar."""
        self._task = self._progress.add_task(title, total=total)

    def advance(self, done: int, *, fresh: bool = True) -> None:
        """Moves the bar."""
        del fresh
        for task in (self._task, self._all):
            if task is not None:
                self._progress.advance(task, done)

    def note(self, sentence: str) -> None:
        """A line above the bars."""
        self._progress.console.print(sentence, markup=False, highlight=False)


class Lines:
    """A line when a stage begins and ends, and every ten seconds between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._title = ""
        self._total = self._done = self._fresh = 0
        self._began = self._told = 0.0

    def begin(self, title: str, total: int) -> None:
        """Remembers the stage; it is told when something of it is done."""
        self._title, self._total, self._done, self._fresh = title, total, 0, 0
        self._began = self._told = time.monotonic()

    def advance(self, done: int, *, fresh: bool = True) -> None:
        """Tells now and then, and when the stage is complete."""
        if not done:
            return
        self._done += done
        self._fresh += done if fresh else 0
        now = time.monotonic()
        if self._done >= self._total or now - self._told > _LINE_SECONDS:
            self._told = now
            self._say(now - self._began)

    def note(self, sentence: str) -> None:
        """A line."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def _say(self, seconds: float) -> None:
        rate = self._fresh / seconds if self._fresh and seconds > 0 else 0
        left = self._total - self._done
        tail = f", {rate:.1f}/s" if rate else ", all at hand already" if not left else ""
        tail += f", {left / rate:.0f} s left" if rate and left else ""
        self.note(f"{self._title}: {self._done}/{self._total}{tail}")
