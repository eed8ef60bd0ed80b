"""`--exclude`: a list of photos or pictures to leave out, one a line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from safebench.files import as_text, read_text


@dataclass(frozen=True)
class Exclusion:
    """What a list leaves out of a set.

    names: those of the set that are left out.  strangers: lines that name nothing of it.  sha256: of the list's bytes.
    """

    path: Path
    names: frozenset[str]
    strangers: tuple[str, ...]
    sha256: str

    def remarks(self, count: int, what: str) -> list[str]:
        """What is worth saying of it: `count` of the set's things, called `what`, are left out."""
        place = as_text(self.path)
        said = [f"--exclude {place}: {count:,} {what}s are left out"]
        if self.strangers:
            said.append(f"--exclude {place}: {len(self.strangers)} of its lines name no {what} ({self.strangers[0]})")
        return said


def read_exclusion(path: Path, names: Iterable[str]) -> Exclusion:
    """Which of a set's `names` the list in a file leaves out.

    A line is a name as the set has it or, where none in it is called so, a file's name without its folders.  Empty
    lines, and those that begin with #, count for nothing.  Raises ConfigError where the file cannot be read.
    """
    lines = [_plain(line.strip()).removeprefix("./") for line in read_text(path).splitlines()]
    wanted = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    whole: dict[str, set[str]] = {}
    alone: dict[str, set[str]] = {}
    for name in names:
        whole.setdefault(_plain(name), set()).add(name)
        alone.setdefault(_plain(name).rpartition("/")[2], set()).add(name)
    hits = {line: whole.get(line) or alone.get(line) or set() for line in wanted}
    strangers = sorted(line for line, hit in hits.items() if not hit)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return Exclusion(path, frozenset().union(*hits.values()), tuple(strangers), checksum)


def can_be_listed(name: str) -> bool:
    """Whether a line of a list can hold a name."""
    line = _plain(name)
    return line.splitlines() == [line] and line.strip() == line and not line.startswith(("#", "./"))


def _plain(name: str) -> str:
    """Folders are told apart by `/`, on Windows too."""
    return name.replace("\\", "/")
