"""Showing a download: a bar at a terminal, now and then a plain line elsewhere; on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from safebench.weights.fetch.downloads import Progress

_LINE_SECONDS = 10.0


def note(sentence: str) -> None:
    """A line on standard error."""
    Console(stderr=True).print(sentence, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def shown(label: str) -> Iterator[Progress]:
    """A Progress that shows the transfer called `label` until the block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(label)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Bars(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task(label, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)


class _Lines:
    """A line at once, then every ten seconds, and at the end."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._told = -_LINE_SECONDS

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._told >= _LINE_SECONDS:
            self._told = now
            share = f" of {total / 1e6:.1f} MB ({done / total:.0%})" if total else " MB"
            note(f"{self._label}: {done / 1e6:.1f}{share}")
