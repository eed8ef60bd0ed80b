"""Writing files so that a reader never meets half of one, and the folder of what was fetched or computed once."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path

import platformdirs


def atomic_write(path: Path, data: bytes) -> None:
    """Write `data` to `path`: whole, or not at all, even where the process is killed or the power fails.

    Makes the parent folders.  The bytes go to a temporary name in the same folder, are synced, and renamed;
    a process that was killed leaves at most a hidden `.NAME.tmp` behind.  Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def other_things(folder: Path, own: Collection[str]) -> str:
    """The name of something in `folder`, where it holds none of the names `own`; "" for a folder of ours or none.

    Hidden names do not count.  Raises OSError.
    """
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")} if folder.exists() else set()
    return "" if names & set(own) else min(names, default="")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be synced (Windows does not)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def cache_folder() -> Path:
    """Where checkpoints and indexes are kept: $SAFEBENCH_CACHE, or the system's folder for caches."""
    named = os.environ.get("SAFEBENCH_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("safebench", appauthor=False))
