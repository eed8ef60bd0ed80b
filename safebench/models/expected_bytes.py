"""Whether the bytes of a checkpoint are those that were published, or that the first download had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.models import checksums
from safebench.models.cards import Weights


def problem(weights: Weights, path: Path) -> str:
    """What is wrong with the bytes of a checkpoint at hand; empty where they are as published or as first fetched.

    Raises WeightsError where they cannot be read.
    """
    return difference(weights, path, sums_of(weights, path))


def sums_of(weights: Weights, path: Path) -> list[str]:
    """The checksums of a checkpoint's files in their order; a large file takes long, so each is read once."""
    return [checksums.of_file(place) for place in places(weights, path)]


def sum_of_all(weights: Weights, sums: Sequence[str]) -> str:
    """One checksum for a checkpoint of one file or of several; what else lies in its folder is not read."""
    files = [part.file for part in weights.parts]
    return checksums.combined(dict(zip(files, sums, strict=True))) if files else sums[0]


def difference(weights: Weights, path: Path, sums: Sequence[str]) -> str:
    """Which of the files has another checksum than it should, as a sentence; empty where none has."""
    for file, place, actual in zip(weights.files, places(weights, path), sums, strict=True):
        expected = file.sha256 or recorded(place)
        if expected and actual != expected:
            said = "published" if file.sha256 else "recorded when it was first fetched"
            return f"{place}: its sha256 is {actual}, not {expected} as {said}"
    return ""


def compared_with(weights: Weights, path: Path) -> str:
    """What the bytes of a checkpoint at hand can be compared with."""
    if all(file.sha256 for file in weights.files):
        return "as published"
    if all(file.sha256 or recorded(p) for file, p in zip(weights.files, places(weights, path), strict=True)):
        return "as first fetched"
    return "no checksum to compare with"


def places(weights: Weights, path: Path) -> list[Path]:
    """Where the files of a checkpoint lie if it lies at `path`."""
    return [path / part.file for part in weights.parts] or [path]


def sum_file(place: Path) -> Path:
    """Where the checksum of the first download is written down."""
    return place.with_name(f"{place.name}.sha256")


def recorded(place: Path) -> str:
    """The sha256 that the first download had, as `sha256sum -c` reads it; empty where none is written down."""
    try:
        return sum_file(place).read_text().split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return ""
