"""A browser for the tests of pages: one a process, since Playwright takes no second."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.reports.browsing import DESKTOP, Open

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install 'safebench[dev]')")
    found = os.environ.get("CHROME") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"needs a browser: one of {', '.join(NAMES)}, or the variable CHROME")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=[*quiet, "--disable-component-update"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Open]:
    """Opened pages; at the end none of them has complained, or asked for anything but its own files."""
    with quiet_pages(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def open_once(chromium: Any) -> Iterator[Open]:
    """`open_page` for pages that several tests of a module look at: each acts on a part that no other reads."""
    with quiet_pages(chromium) as opened:
        yield opened


@contextmanager
def quiet_pages(chromium: Any) -> Iterator[Open]:
    complaints: list[str] = []
    folders: set[str] = set()
    requests: list[str] = []
    contexts = []

    def opened(path: Path, size: tuple[int, int] = DESKTOP, colours: str = "light", scripts: bool = True) -> Any:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=colours, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: requests.append(request.url))
        folders.add(path.parent.as_uri())
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert requests
    own = ("blob:", *(f"{folder}/" for folder in folders))  # a blob is what the page itself made
    assert [url for url in requests if not url.startswith(own)] == []
