"""Where the data sets that are too large to ship lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from safebench.errors import DataError
from safebench.files import atomic_write, cache_folder


def data_folder() -> Path:
    """$SAFEBENCH_DATA, or `data` in the cache's folder."""
    named = os.environ.get("SAFEBENCH_DATA")
    return Path(named).expanduser() if named else cache_folder() / "data"


def location(name: str) -> Path:
    """Where the data set `name` is looked for: the place that was recorded, else the folder of that name."""
    try:
        recorded = _record(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        recorded = ""
    return Path(recorded) if recorded else data_folder() / name


def record(name: str, place: Path) -> None:
    """Remember that the data set `name` lies at `place`; raises DataError where that cannot be written."""
    try:
        if place.resolve() == (data_folder() / name).resolve():
            _record(name).unlink(missing_ok=True)
        else:
            atomic_write(_record(name), f"{place.resolve()}\n".encode())
    except OSError as error:
        raise DataError(f"{_record(name)}: the place of {name} cannot be recorded there ({error.strerror})") from None


def _record(name: str) -> Path:
    return data_folder() / f"{name}.location"
