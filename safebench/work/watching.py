"""How a run tells of its progress: the engine speaks to a Watcher, the command line draws it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Watcher(Protocol):
    """Hears what a run is doing."""

    def begin(self, title: str, total: int) -> None:
        """A stage of `total` samples (or photos) begins; the one before it has ended."""

    def advance(self, done: int, *, fresh: bool = True) -> None:
        """So many more are done; not `fresh` where they were at hand from an earlier run."""

    def note(self, sentence: str) -> None:
        """Something worth saying once."""


@runtime_checkable
class Planned(Protocol):
    """A watcher that wants to know beforehand how much all stages together are."""

    def expect(self, total: int) -> None:
        """All stages that follow have so many samples (or photos)."""


class Silent:
    """A watcher that says nothing."""

    def begin(self, title: str, total: int) -> None:
        """Ignored."""

    def advance(self, done: int, *, fresh: bool = True) -> None:
        """Ignored."""

    def note(self, sentence: str) -> None:
        """Ignored."""
