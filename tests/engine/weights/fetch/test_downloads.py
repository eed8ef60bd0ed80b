"""Files arrive whole and checked, or a sentence says why not."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from safebench.weights.fetch import downloads
from safebench.weights.fetch.downloads import DiskFullError, DownloadError, download

from ...published import BODY, SHA, left

MD5 = hashlib.md5(BODY).hexdigest()


def test_fetches_and_shows_progress(web: Any, page: Any, target: Path) -> None:
    web.pages["/a"] = page(BODY)
    seen: list[tuple[int, int]] = []
    download(f"{web.url}/a", target, sha256=SHA.upper(), md5=MD5, size=len(BODY), progress=lambda *s: seen.append(s))
    assert target.read_bytes() == BODY
    assert left(target) == ["net.pth"]
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == (len(BODY), len(BODY))


@pytest.mark.parametrize("etag", ['"one"', 'W/"weak"', ""])
def test_goes_on_where_the_connection_was_cut(web: Any, page: Any, target: Path, etag: str) -> None:
    web.pages["/a"] = page(BODY, cuts=[300_000, 400_000], etag=etag)
    download(f"{web.url}/a", target, sha256=SHA)
    assert target.read_bytes() == BODY
    asked = [headers.get("Range") for _, headers in web.requests]
    assert asked[0] is None
    assert asked[1] == "bytes=300000-"
    assert asked[2] == "bytes=700000-"


def test_goes_on_in_another_process_later(web: Any, page: Any, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web.pages["/a"] = page(BODY, cuts=[500_000] + [0] * downloads.TRIES)
    with pytest.raises(DownloadError, match="cut 5 times in a row; try again later, it goes on from there"):
        download(f"{web.url}/a", target)
    assert not target.exists()
    web.requests.clear()
    download(f"{web.url}/a", target, sha256=SHA)
    assert [h["Range"] for _, h in web.requests] == ["bytes=500000-"]
    assert target.read_bytes() == BODY
    assert left(target) == ["net.pth"]


def test_starts_anew_where_the_server_cannot_resume(web: Any, page: Any, target: Path) -> None:
    web.pages["/a"] = page(BODY, cuts=[300_000], ranges=False)
    download(f"{web.url}/a", target, sha256=SHA)
    assert target.read_bytes() == BODY


def test_never_joins_two_files(web: Any, page: Any, target: Path) -> None:
    """The file changed at the server between two tries: the new one arrives, not half of each."""
    for etag in ('"two"', ""):
        web.pages["/a"] = page(BODY, cuts=[300_000] + [0] * downloads.TRIES, etag=etag and '"one"')
        with pytest.raises(DownloadError):
            download(f"{web.url}/a", target)
        web.pages["/a"] = page(BODY[::-1] + b"more", etag=etag)
        download(f"{web.url}/a", target)
        assert target.read_bytes() == BODY[::-1] + b"more"


def test_a_whole_file_that_only_lacks_its_name_is_not_fetched_again(web: Any, page: Any, target: Path) -> None:
    web.pages["/a"] = page(BODY, cuts=[len(BODY) - 1] + [0] * downloads.TRIES)
    with pytest.raises(DownloadError):
        download(f"{web.url}/a", target)
    with (target.parent / ".net.pth.part").open("ab") as part:
        part.write(BODY[-1:])
    download(f"{web.url}/a", target, sha256=SHA)
    assert target.read_bytes() == BODY


def test_without_a_stated_length(web: Any, page: Any, target: Path) -> None:
    web.pages["/a"] = page(BODY, length=False)
    download(f"{web.url}/a", target, sha256=SHA)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"md5": "0" * 32}, {"size": 7}])
def test_wrong_bytes_are_deleted_and_refused(web: Any, page: Any, target: Path, wrong: dict[str, Any]) -> None:
    web.pages["/a"] = page(BODY)
    with pytest.raises(DownloadError, match="the file that came"):
        download(f"{web.url}/a", target, **wrong)
    assert left(target) == []


def test_server_errors_are_tried_again_and_then_told(web: Any, page: Any, target: Path) -> None:
    web.pages["/a"] = page(BODY, statuses=[503, 429, 500])
    download(f"{web.url}/a", target, sha256=SHA)
    web.pages["/b"] = page(BODY, status=502)
    with pytest.raises(DownloadError, match=r"502"):
        download(f"{web.url}/b", target)


@pytest.mark.parametrize(
    ("status", "type_", "said"),
    [
        (404, "", "not found"),
        (410, "", "not found"),
        (403, "", "permission"),
        (418, "", "418"),
        (200, "text/html", "web page"),
    ],
)
def test_answers_that_are_no_file(web: Any, page: Any, target: Path, status: int, type_: str, said: str) -> None:
    web.pages["/a"] = page(b"<html>", status=status, type=type_ or "text/plain")
    with pytest.raises(DownloadError, match=said):
        download(f"{web.url}/a", target)
    assert len(web.requests) == 1
    assert not target.exists()


def test_no_network_and_a_slow_server(web: Any, page: Any, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadError, match="no connection to the server; is there a network"):
        download("http://127.0.0.1:9/a", target)
    with pytest.raises(DownloadError, match="no connection to the server; is there a network"):
        download("https://nowhere.invalid/a", target)
    monkeypatch.setattr(downloads, "TIMEOUT", 0.1)
    web.pages["/a"] = page(BODY, pause=1.0)
    with pytest.raises(DownloadError, match="5 times in a row"):
        download(f"{web.url}/a", target)


def test_a_server_that_takes_no_connection_is_asked_once(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "CONNECT", 0.3)
    with socket.socket() as silent, contextlib.ExitStack() as waiting:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(3):  # more than it lets wait; from then on the system drops who knocks
            knocking = waiting.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(silent.getsockname())
        ask = mock.Mock(wraps=downloads._receive_some)
        monkeypatch.setattr(downloads, "_receive_some", ask)
        with pytest.raises(DownloadError, match="no connection to the server; is there a network"):
            download(f"http://127.0.0.1:{silent.getsockname()[1]}/a", target)
        assert ask.call_count == 1


def test_redirects_do_not_carry_the_token_to_another_host(web: Any, page: Any, target: Path) -> None:
    elsewhere = web.url.replace("127.0.0.1", "localhost")
    web.pages["/a"] = page(b"", status=302, headers={"Location": f"{elsewhere}/b"})
    web.pages["/b"] = page(BODY)
    download(f"{web.url}/a", target, headers={"Authorization": "Bearer secret"}, sha256=SHA)
    assert web.requests[0][1]["Authorization"] == "Bearer secret"
    assert "Authorization" not in web.requests[1][1]


def test_a_full_disk_is_told_and_freed(web: Any, page: Any, target: Path) -> None:
    """A limit on the size of files stands in for the disk: the system refuses the write likewise."""
    web.pages["/a"] = page(BODY)
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom safebench.weights.fetch.downloads import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))\n"
        "try: download(sys.argv[1], Path(sys.argv[2]))\nexcept DiskFullError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, f"{web.url}/a", target], capture_output=True, text=True, check=True
    )
    assert "the disk is full" in done.stdout
    assert ".net.pth.part" not in left(target)


def test_a_file_larger_than_the_disk_is_not_begun(
    web: Any, page: Any, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.pages["/a"] = page(BODY)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5_000}))
    with pytest.raises(DiskFullError, match=r"1\.0 MB are needed, 0\.0 MB are free"):
        download(f"{web.url}/a", target)
    assert left(target) == []


def test_other_errors_of_the_disk_pass(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), downloads.no_room(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "no")


@pytest.mark.parametrize("sha256", ["", SHA])
def test_a_pointer_or_a_page_that_came_for_the_file_is_named(web: Any, page: Any, target: Path, sha256: str) -> None:
    """Also where the server calls it something else, and where there is no checksum that would tell."""
    for held, said in (
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><title>Sign in</title>", "is a web page"),
    ):
        web.pages["/a"] = page(held)
        with pytest.raises(DownloadError, match=f"/a: what came {said}"):
            download(f"{web.url}/a", target, sha256=sha256)
        assert left(target) == []
