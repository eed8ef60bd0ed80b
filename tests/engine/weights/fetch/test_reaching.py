"""Addresses of weights are opened without being fetched, and what answers there is judged."""

from __future__ import annotations

from typing import Any

import pytest

from safebench.weights.fetch import sources
from safebench.weights.fetch.downloads import DownloadError
from safebench.weights.fetch.reaching import TRIES, UnreachableError, check_answers

from ...published import BODY


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safebench.weights.fetch.reaching.PAUSE", 0.0)


def test_a_file_that_is_there_answers_and_none_of_it_is_fetched(web: Any, page: Any) -> None:
    web.pages["/net.pth"] = page(BODY)
    check_answers(f"{web.url}/net.pth", size=len(BODY))
    assert [headers.get("Range") for _, headers in web.requests] == [None]


def test_a_server_that_answers_no_head_is_asked_for_one_byte(web: Any, page: Any) -> None:
    web.pages["/net.pth"] = page(BODY, statuses=[405])
    check_answers(f"{web.url}/net.pth")
    assert [headers.get("Range") for _, headers in web.requests] == [None, "bytes=0-0"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"status": 404}, r"not found \(404\)"),
        ({"status": 410}, r"not found \(410\)"),
        ({"status": 403}, r"the server refuses it \(403\)"),
        ({"type": "text/html; charset=utf-8"}, "a web page is there instead of the file"),
        ({}, f"the file there has {len(BODY)} bytes, not 5"),
    ],
)
def test_what_died_is_told(web: Any, page: Any, options: dict[str, Any], said: str) -> None:
    web.pages["/net.pth"] = page(BODY, **options)
    with pytest.raises(DownloadError, match=said) as caught:
        check_answers(f"{web.url}/net.pth", size=5)
    assert not isinstance(caught.value, UnreachableError)


def test_where_a_page_belongs_a_page_is_right(web: Any, page: Any) -> None:
    web.pages["/folder"] = page(b"<html>", type="text/html")
    check_answers(f"{web.url}/folder", page=True)


def test_a_busy_server_is_asked_again_and_counts_as_out_of_reach_in_the_end(web: Any, page: Any) -> None:
    web.pages["/net.pth"] = page(BODY, statuses=[503, 429])
    check_answers(f"{web.url}/net.pth")
    web.pages["/net.pth"] = page(BODY, status=500)
    with pytest.raises(UnreachableError, match=rf"answered with an error \(500\), {TRIES} times in a row"):
        check_answers(f"{web.url}/net.pth")


def test_a_server_that_is_not_there_is_out_of_reach() -> None:
    with pytest.raises(UnreachableError, match="no answer from the server"):
        check_answers("http://127.0.0.1:9/net.pth")


def test_files_of_google_drive_and_the_hub_are_asked_for_at_their_own_address(
    web: Any, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "DRIVE", web.url)
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    web.pages["/uc"] = page(b"<html>", type="text/html")  # a large file's page that asks first
    web.pages["/owner/repo/resolve/main/net.pth"] = page(BODY)
    check_answers("gdrive://abc")
    check_answers("hf://owner/repo/net.pth", size=len(BODY))
    assert [path for path, _ in web.requests] == ["/uc?export=download&id=abc", "/owner/repo/resolve/main/net.pth"]
    web.pages["/uc"] = page(b"", status=404)
    with pytest.raises(DownloadError, match=r"gdrive://gone: not found \(404\)"):
        check_answers("gdrive://gone")
