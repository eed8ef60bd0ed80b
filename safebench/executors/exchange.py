"""How files reach workers that share no disk with the driver, and come back: in the messages, or through a storage."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace

from safebench.errors import ConfigError
from safebench.stages.tasks import Answer, FileRef, Item, Result, Worker, perform


class Exchange:
    """The driver's side: packs tasks, unpacks results.

    storage: any folder that fsspec takes (a shared one, s3://bucket/folder), which then carries the images, so that
    messages stay small and an input travels once; None: images travel in the messages.
    """

    def __init__(self, storage: str | None) -> None:
        self.storage = storage.rstrip("/") if storage else None
        self._sent: set[str] = set()
        if self.storage:
            try:
                _remove(_put(self.storage, f"probe-{secrets.token_hex(4)}", b""))
            except Exception as error:  # a file system of fsspec's may raise anything
                raise ConfigError(f"--storage {self.storage}: cannot be used ({error})") from None

    def pack(self, items: Sequence[Item]) -> list[Item]:
        """Items that a worker elsewhere can read."""
        return [replace(item, files={role: self._send(file) for role, file in item.files.items()}) for item in items]

    def unpack(self, results: Sequence[Result]) -> list[Result]:
        """Results with their files' bytes; what they took up in the storage is freed."""
        return [_collected(one) if isinstance(one, Answer) else one for one in results]

    def close(self) -> None:
        """Remove from the storage what was sent."""
        for url in self._sent:
            _remove(url)
        self._sent.clear()

    def _send(self, file: FileRef) -> FileRef:
        data = file.read()
        if not self.storage:
            return FileRef(file.path, data)
        name = f"in-{hashlib.sha256(data).hexdigest()}.png"
        if (url := f"{self.storage}/{name}") not in self._sent:
            self._sent.add(_put(self.storage, name, data))
        return FileRef(file.path, url=url)


def perform_packed(worker: Worker, items: Sequence[Item], storage: str | None) -> list[Result]:
    """The worker's side: a task of packed items; with a storage, new files are left there."""
    results = perform(worker, items)
    if not storage:
        return results
    return [_left(one, storage) if isinstance(one, Answer) else one for one in results]


def _left(answer: Answer, storage: str) -> Answer:
    files = {}
    for kind, file in answer.files.items():
        files[kind] = FileRef(file.path, url=_put(storage, f"out-{secrets.token_hex(16)}.png", file.read()))
    return replace(answer, files=files)


def _collected(answer: Answer) -> Answer:
    files = {}
    for kind, file in answer.files.items():
        files[kind] = FileRef(file.path, file.read())
        if file.url:
            _remove(file.url)
    return replace(answer, files=files)


def _put(storage: str, name: str, data: bytes) -> str:
    """Store bytes under a name; returns the URL."""
    import fsspec  # installed with huggingface_hub

    filesystem, folder = fsspec.core.url_to_fs(storage)
    filesystem.makedirs(folder, exist_ok=True)
    partial = f"{folder}/.{secrets.token_hex(8)}.tmp"
    filesystem.pipe_file(partial, data)
    filesystem.mv(partial, f"{folder}/{name}")
    return f"{storage}/{name}"


def _remove(url: str) -> None:
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(url)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm_file(path)
