"""Writing files so that a reader never meets half of one, telling what a system refuses, and the cache's folder."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

import platformdirs

from safebench.errors import ConfigError, FileError

_WHAT_TO_DO = {
    errno.ENOSPC: "make room, then give the same command again",
    errno.EDQUOT: "make room, then give the same command again",
    errno.EROFS: "choose another place",
    errno.EACCES: "choose another place, or change its permissions",
    errno.EPERM: "choose another place, or change its permissions",
}
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def atomic_write(path: Path, data: bytes) -> None:
    """Write `data` to `path`: whole, or not at all, even where the process is killed or the power fails.

    Makes the parent folders.  The bytes go to a temporary name in the same folder, are synced, and renamed;
    a process that was killed leaves at most a hidden `.NAME.tmp` behind.  Raises OSError, which names `path` or, where
    that cannot be made, its folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None  # a full disk's names none, others the temporary one
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
    """Where checkpoints and indexes are kept: $SAFEBENCH_CACHE, or the system's folder for caches.

    Raises ConfigError where neither is known.
    """
    if named := os.environ.get("SAFEBENCH_CACHE"):
        return expanded(named)
    with contextlib.suppress(RuntimeError):
        folder = Path(platformdirs.user_cache_dir("safebench", appauthor=False))
        if folder.is_absolute():
            return folder
    raise ConfigError("no home folder is known to keep a cache in (HOME is not set): set SAFEBENCH_CACHE")


def expanded(path: str | Path) -> Path:
    """A path with `~` written out; raises ConfigError for what is none, or where the home folder is not known."""
    try:
        return Path(path).expanduser()
    except TypeError:
        raise ConfigError(f"{path!r}: is no path; give text or a pathlib.Path") from None
    except RuntimeError:
        raise ConfigError(f"{path}: there is no such home folder (is HOME set?); write the path without ~") from None


def as_text(path: str | Path) -> str:
    """A path as text that every file can hold: bytes of it that are no UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_text(path: Path) -> str:
    """A text that a person wrote, in UTF-8, with or without a byte order mark.

    Raises ConfigError where it cannot be read, or is in another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    for mark, encoding in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            raise ConfigError(f"{path}: is in {encoding}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not in UTF-8; save the file as UTF-8") from None


def file_error(error: OSError, place: str | Path = "") -> FileError:
    """The sentence for what the system refused: the file's name (`place`, where it tells none), why, what to do."""
    named = error.filename2 or error.filename or place
    named = os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else ""
    reason = error.strerror or str(error) or type(error).__name__
    advice = _WHAT_TO_DO.get(error.errno or 0, "")
    return FileError((f"{named}: " if named else "") + reason + (f"; {advice}" if advice else ""))


@contextlib.contextmanager
def file_errors(place: str | Path = "", *, always: bool = False) -> Iterator[None]:
    """Within the block an OSError becomes a FileError.

    It names the file that the system names, and `place` where there is none, or always.
    """
    try:
        yield
    except OSError as error:
        if always:
            error.filename = error.filename2 = None
        raise file_error(error, place) from error


def check_target(path: Path, option: str = "--out") -> None:
    """Raise ConfigError or FileError where a file could not be written at `path`, before work is spent on it."""
    if path.is_dir():
        raise ConfigError(f"{option} {path}: is a folder; name the file to write")
    check_folder(path.parent)


def check_folder(path: Path) -> None:
    """Raise FileError where nothing could be written into the folder `path`, be it there or yet to be made."""
    with file_errors(path):
        there = next(place for place in (path, *path.parents) if place.exists())
    if not there.is_dir():
        raise FileError(f"{there}: is a file, not a folder; choose another place")
    try:
        probe = there / f".{secrets.token_hex(8)}.tmp"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:  # /proc calls it ENOENT, a file system that is read-only EROFS, a full one ENOSPC
        advice = _WHAT_TO_DO.get(error.errno or 0, "choose another place")
        what = "nothing can be written into it" if there == path else f"cannot be made in {there}"
        raise FileError(f"{path}: {what} ({error.strerror or error}); {advice}") from None
