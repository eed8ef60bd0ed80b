"""How files reach workers that share no disk with the driver, and come back: in the messages, or through a storage."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safebench.errors import ConfigError
from safebench.keys import digest
from safebench.work.tasks import Answer, FileRef, Item, Result


class Exchange:
    """The driver's side: packs tasks, unpacks results.

    storage: any folder that fsspec takes (a shared one, s3://bucket/folder), which then carries the images, so that
    messages stay small and an input travels once; None: images travel in the messages.
    owner: the folder that the work is for; what travels has a folder of its own in the storage, which the next driver
    of the same owner empties should this one be killed.
    """

    def __init__(self, storage: str | None, owner: Path) -> None:
        self.folder = None
        self._sent: set[str] = set()
        if storage:
            name = digest(socket.gethostname(), str(owner.resolve()))[:16]
            self.folder = f"{storage.rstrip('/')}/safebench-{name}"
            try:
                _clear(self.folder)
                filesystem, path = _open(self.folder)
                filesystem.makedirs(path, exist_ok=True)
                _put(self.folder, "probe", b"")
            except Exception as error:  # a file system of fsspec's may raise anything
                raise ConfigError(f"--storage {storage}: cannot be written to ({error})") from None

    def pack(self, items: Sequence[Item]) -> list[Item]:
        """Items that a worker elsewhere can read."""
        return [replace(item, files={role: self._send(file) for role, file in item.files.items()}) for item in items]

    def unpack(self, results: Sequence[Result]) -> list[Result]:
        """Results with their files' bytes; what they took up in the storage is freed."""
        return [_collected(answer) if isinstance(answer, Answer) else answer for answer in results]

    def close(self) -> None:
        """Remove from the storage what was sent."""
        if self.folder:
            _clear(self.folder)

    def _send(self, file: FileRef) -> FileRef:
        data = file.read()
        if not self.folder:
            return FileRef(file.path, data)
        name = f"in-{hashlib.sha256(data).hexdigest()}.png"
        if name not in self._sent:
            _put(self.folder, name, data)
            self._sent.add(name)
        return FileRef(file.path, url=f"{self.folder}/{name}")


def leave(results: Sequence[Result], folder: str | None) -> list[Result]:
    """The worker's side: new files are left in the storage's folder, where there is one."""
    return [_left(answer, folder) if folder and isinstance(answer, Answer) else answer for answer in results]


def _put(folder: str, name: str, data: bytes) -> str:
    """Store bytes under a name, whole or not at all; returns the URL."""
    filesystem, path = _open(folder)
    partial = f"{path}/.{secrets.token_hex(8)}.tmp"
    filesystem.pipe_file(partial, data)
    filesystem.mv(partial, f"{path}/{name}")
    return f"{folder}/{name}"


def _left(answer: Answer, folder: str) -> Answer:
    files = {}
    for kind, file in answer.files.items():
        files[kind] = FileRef(file.path, url=_put(folder, f"out-{secrets.token_hex(16)}.png", file.read()))
    return replace(answer, files=files)


def _collected(answer: Answer) -> Answer:
    files = {}
    for kind, file in answer.files.items():
        files[kind] = FileRef(file.path, file.read())
        if file.url:
            filesystem, path = _open(file.url)
            with contextlib.suppress(FileNotFoundError):
                filesystem.rm_file(path)
    return replace(answer, files=files)


def _clear(folder: str) -> None:
    filesystem, path = _open(folder)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm(path, recursive=True)


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(url)
    return filesystem, path
