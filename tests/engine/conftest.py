"""A web server on this machine that stands in for the places weights come from, and misbehaves when told to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from safebench.weights.fetch import downloads


@dataclass
class Page:
    """What is served at one path, and how badly."""

    body: bytes
    status: int = 200
    type: str = "application/octet-stream"
    ranges: bool = True
    etag: str = '"one"'
    length: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the first connections is cut."""
    statuses: list[int] = field(default_factory=list)
    """With which status each of the first connections is answered instead."""
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0


class Web:
    """The pages by path, and the requests that came: (path, headers)."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        self.requests.append((path, {key.title(): value for key, value in handler.headers.items()}))
        page = self.pages.get(path.partition("?")[0], Page(b"no such page", 404))
        status = page.statuses.pop(0) if page.statuses else page.status
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range") in (None, page.etag)
        start = int(wanted[1]) if status == 200 and page.ranges and wanted and same else 0
        if start >= len(page.body) > 0:
            status, body = 416, b""
        else:
            status, body = (206 if start else status), page.body[start:]
        handler.send_response(status)
        handler.send_header("Content-Type", page.type)
        if page.etag:
            handler.send_header("ETag", page.etag)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if status == 416:
            handler.send_header("Content-Range", f"bytes */{len(page.body)}")
        if page.length:
            handler.send_header("Content-Length", str(len(body)))
        for key, value in page.headers.items():
            handler.send_header(key, value)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        time.sleep(page.pause)
        with suppress(OSError):  # the client may have gone
            handler.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    web = Web()
    yield web
    web.server.shutdown()
    web.server.server_close()


@pytest.fixture
def page() -> type[Page]:
    return Page


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a download is to lie; the folder does not exist yet."""
    return tmp_path / "deep" / "net.pth"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own; no licence is agreed to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SAFEBENCH_CACHE", str(folder))
    monkeypatch.delenv("SAFEBENCH_ACCEPT_LICENCE", raising=False)
    monkeypatch.delenv("SAFEBENCH_OFFLINE", raising=False)
    return folder
