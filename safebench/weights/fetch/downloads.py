"""Fetching a file over HTTP: shown as it goes, resumed where it was cut, checked before it gets its name."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safebench.errors import SafebenchError
from safebench.weights.read.mistaken import substitute_in

if TYPE_CHECKING:
    from requests import Response, Session

OFFLINE = "SAFEBENCH_OFFLINE"
"""Set to 1 where nothing may be fetched."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are here, and the bytes in all (0 where the server does not say)."""

TRIES = 5
"""How often a cut connection is taken up again without a byte gained in between."""
PAUSE = 0.25
"""Seconds before the first such try, doubled for each that follows."""
CONNECT = 5.0
"""Seconds after which a server that does not take the connection counts as out of reach."""
TIMEOUT = 30.0
"""Seconds without an answer, or without a byte, after which a connection counts as cut."""
BLOCK = 1 << 18
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DownloadError(SafebenchError):
    """A file could not be fetched from one place; another may have it."""


class DiskFullError(SafebenchError):
    """There is no room for a file; another place would not help."""


def silent(_done: int, _total: int) -> None:
    """A Progress that shows nothing."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    md5: str = "",
    size: int = 0,
    headers: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> None:
    """Fetch `url` to `target`, whole and checked, or not at all.

    The bytes gather in a hidden file beside the target; a later call goes on where this one was cut, if the server
    still has the same file.  `size` in bytes, `sha256` and `md5` in hexadecimal are compared where given; a file that
    differs is deleted.  Raises DownloadError (no connection, not found, other bytes than expected), DiskFullError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with no_room(part):
        _receive(url, part, headers or {}, progress)
    check(part, url, sha256=sha256, md5=md5, size=size)
    part.replace(target)
    _origin(part).unlink(missing_ok=True)


def check(path: Path, url: str, *, sha256: str = "", md5: str = "", size: int = 0) -> None:
    """Delete `path` and raise DownloadError where it is not the file that was expected from `url`.

    Without a checksum to compare, too: a pointer to the file or a web page is told from the file.
    """
    if wrong := substitute_in(path):
        _discard(path)
        raise DownloadError(f"{url}: what came {wrong}")
    for kind, expected in (("sha256", sha256), ("md5", md5)):
        if expected and (actual := digest(path, kind)) != expected.lower():
            _discard(path)
            raise DownloadError(f"{url}: the file that came is another: its {kind} is {actual}, not {expected}")
    if size and (came := path.stat().st_size) != size:
        _discard(path)
        raise DownloadError(f"{url}: the file that came has {came} bytes, not {size}")


def digest(path: Path, kind: str = "sha256") -> str:
    """The checksum of a file, in hexadecimal."""
    made = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            made.update(block)
    return made.hexdigest()


@contextlib.contextmanager
def no_room(part: Path) -> Iterator[None]:
    """Turn a full disk into a sentence, and free what the unfinished file took."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _discard(part)
        raise DiskFullError(f"{part.parent}: the disk is full ({error.strerror}); make room and try again") from None


def _receive(url: str, part: Path, headers: Mapping[str, str], progress: Progress) -> None:
    """Gather the whole of `url` in `part`, however often the connection is cut."""
    import requests
    import urllib3

    begun = _size(part)
    failures = 0
    with requests.Session() as session:
        while True:
            before = _size(part)
            try:
                return _receive_some(session, url, part, headers, progress)
            except _AgainError as error:
                reason = str(error)
            except requests.exceptions.ReadTimeout:
                reason = "the server did not answer"
            except (requests.exceptions.ConnectionError, urllib3.exceptions.HTTPError) as error:
                if _unreachable(error) and _size(part) == begun:
                    raise DownloadError(f"{url}: no connection to the server; is there a network?") from None
                reason = "the connection was cut"
            except requests.exceptions.RequestException as error:
                raise DownloadError(f"{url}: cannot be fetched ({type(error).__name__})") from None
            failures = 0 if _size(part) > before else failures + 1
            if failures == TRIES:
                raise DownloadError(f"{url}: {reason} {TRIES} times in a row; try again later, it goes on from there")
            time.sleep(min(PAUSE * 2**failures, 8))


class _AgainError(Exception):
    """The connection was of no use to the end, but another may be."""


def _receive_some(session: Session, url: str, part: Path, headers: Mapping[str, str], progress: Progress) -> None:
    """One connection: the rest of the file; raises _AgainError where it did not bring all of it."""
    known = _known(part, url)
    start = _size(part) if known else 0
    asked = {**headers, "Accept-Encoding": "identity"}
    if start:
        asked["Range"] = f"bytes={start}-"
        if known["validator"]:
            asked["If-Range"] = known["validator"]
    with session.get(url, headers=asked, stream=True, timeout=(CONNECT, TIMEOUT)) as response:
        _check_status(response, url)
        begin, total = _span(response)
        if response.status_code == 416 and start == total == known["total"]:
            return
        if begin not in (0, start) or (begin and total != known["total"]):  # the server has another file now
            part.unlink()
            raise _AgainError("the server sent another part of the file than it was asked for,")
        check_room(part, total - begin)
        validator = response.headers.get("ETag", "")
        if not validator or validator.startswith("W/"):
            validator = response.headers.get("Last-Modified", "")
        _origin(part).write_text(json.dumps({"url": url, "validator": validator, "total": total}))
        with part.open("ab" if begin else "wb") as file:
            while block := response.raw.read1(BLOCK):  # what has come, so that a cut loses none of it
                file.write(block)
                progress(file.tell(), total)
            os.fsync(file.fileno())
            if file.tell() < total:
                raise _AgainError("the connection was cut")


def _check_status(response: Response, url: str) -> None:
    status = response.status_code
    if status in (404, 410):
        raise DownloadError(f"{url}: not found ({status})")
    if status in (401, 403):
        raise DownloadError(f"{url}: may not be fetched without permission ({status}){_hub_hint(response)}")
    if status == 429 or status >= 500:
        raise _AgainError(f"the server answered with an error ({status})")
    if status not in (200, 206, 416):
        raise DownloadError(f"{url}: the server answered with an error ({status})")
    if status == 200 and response.headers.get("Content-Type", "").startswith("text/html"):
        raise DownloadError(f"{url}: a web page came instead of the file")


def _span(response: Response) -> tuple[int, int]:
    """Where the bytes that come begin (-1: nowhere), and how many the whole file has (0: not said)."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else 0
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", response.headers.get("Content-Range", ""))
    return (int(match[1] or -1), int(match[2])) if match else (-1, 0)


def _hub_hint(response: Response) -> str:
    gated = response.headers.get("X-Error-Code") == "GatedRepo"
    return "; accept its terms on its page, then log in with: hf auth login" if gated else ""


def check_room(part: Path, needed: int) -> None:
    """Raise DiskFullError where `needed` bytes do not fit beside `part`."""
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DiskFullError(f"{part.parent}: {needed / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free; make room")


def _unreachable(error: Exception) -> bool:
    """No connection came about at all (as opposed to one that was cut)."""
    from urllib3.exceptions import MaxRetryError

    return bool(error.args) and isinstance(error.args[0], MaxRetryError)


def _origin(part: Path) -> Path:
    """Where it is noted what the bytes in `part` are the beginning of."""
    return part.with_name(f"{part.name}.json")


def _discard(part: Path) -> None:
    """Delete an unfinished file and the note on it."""
    part.unlink(missing_ok=True)
    _origin(part).unlink(missing_ok=True)


def _known(part: Path, url: str) -> dict[str, Any]:
    """The note on `part`, or nothing where its bytes are of no use for `url`."""
    try:
        note = json.loads(_origin(part).read_text())
        return dict(note) if note["url"] == url else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
