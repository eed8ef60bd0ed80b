"""Files arrive whole and checked, or a sentence says why not."""

from __future__ import annotations

import errno
import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from safebench import downloads, sources
from safebench.cards import File
from safebench.downloads import DiskFullError, DownloadError, download
from safebench.errors import CardError

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "net.pth"


def left(target: Path) -> list[str]:
    """What lies in the target's folder."""
    return sorted(p.name for p in target.parent.iterdir())


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
    assert not [name for name in left(target) if not name.endswith(".json")]


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
        "import resource, sys\nfrom pathlib import Path\nfrom safebench.downloads import *\n"
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


# -- sources -------------------------------------------------------------------------------------------------------


def packed(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_the_next_source_is_tried(web: Any, page: Any, target: Path) -> None:
    web.pages["/wrong"] = page(b"other bytes")
    web.pages["/right"] = page(BODY)
    file = File(file="net.pth", sources=(f"{web.url}/gone", f"{web.url}/wrong", f"{web.url}/right"), sha256=SHA)
    assert sources.fetch(file, target).text == f"{web.url}/right"
    assert target.read_bytes() == BODY
    file = File(file="net.pth", sources=file.sources[:2], sha256=SHA)
    target.unlink()
    with pytest.raises(DownloadError, match=r"/gone: not found \(404\); .*/wrong: the file that came is another"):
        sources.fetch(file, target)


def test_a_member_of_an_archive(web: Any, page: Any, target: Path) -> None:
    archive = packed({"big/models/best.ckpt": BODY, "big/config.yaml": b"x"})
    web.pages["/big.zip"] = page(archive, cuts=[100])
    file = File(file="best.ckpt", sources=(f"{web.url}/big.zip#big/models/best.ckpt",), sha256=SHA)
    sources.fetch(file, target)
    assert target.read_bytes() == BODY
    sources.forget_archives(target.parent)
    assert left(target) == ["net.pth"]
    for archive_sum in (f"sha256:{'0' * 64}", f"md5:{'0' * 32}"):
        with pytest.raises(DownloadError, match="the file that came is another"):
            sources.fetch(File(file="a", sources=file.sources, archive=archive_sum), target.with_name("other"))
    summed = f"md5:{hashlib.md5(archive).hexdigest()}"
    sources.fetch(File(file="a", sources=file.sources, archive=summed), target.with_name("other"))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"other": b""}, "no such member"),
        ({"net": BODY, "../../evil": b"x"}, "climbs out"),
        ({"net": b"other bytes"}, "the file that came is another"),
    ],
)
def test_archives_that_are_refused(web: Any, page: Any, target: Path, members: dict[str, bytes], said: str) -> None:
    web.pages["/a.zip"] = page(packed(members))
    with pytest.raises(DownloadError, match=said):
        sources.fetch(File(file="net", sources=(f"{web.url}/a.zip#net",), sha256=SHA), target)
    assert not target.exists()
    assert not [name for name in left(target) if not name.endswith(".json")]


def test_damaged_archives_are_refused(web: Any, page: Any, target: Path) -> None:
    good = packed({"net": BODY})
    for bad in (b"no zip", good[:100] + b"XXXX" + good[104:], good[:-30]):
        web.pages["/a.zip"] = page(bad)
        with pytest.raises(DownloadError, match="damaged"):
            sources.fetch(File(file="net", sources=(f"{web.url}/a.zip#net",)), target)
        assert not target.exists()


def test_the_hub_is_asked_at_its_address_with_the_token(
    web: Any, page: Any, target: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    web.pages["/owner/net/resolve/abc/dir/big.zip"] = page(packed({"net": BODY}), cuts=[50])
    web.pages["/spaces/owner/net/resolve/main/a.bin"] = page(BODY)
    web.pages["/owner/closed/resolve/main/a.bin"] = page(b"", status=403, headers={"X-Error-Code": "GatedRepo"})
    sources.fetch(File(file="a", sources=("hf://owner/net/dir/big.zip@abc#net",), sha256=SHA), target)
    assert target.read_bytes() == BODY
    sources.fetch(File(file="a", sources=("hf://spaces/owner/net/a.bin",), sha256=SHA), target.with_name("b"))
    with pytest.raises(DownloadError, match=r"accept its terms on its page, then log in") as caught:
        sources.fetch(File(file="a", sources=("hf://owner/closed/a.bin@main",)), target.with_name("c"))
    assert web.requests[0][1]["Authorization"] == "Bearer hf_secret"
    assert "hf_secret" not in f"{caught.value}{capfd.readouterr()}"


def test_google_drive(web: Any, page: Any, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gdown's own code, its requests led to this machine: the page that asks first, a cut, a closed file."""
    real = requests.Session.request

    def redirected(self: requests.Session, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        for host in ("drive.google.com", "drive.usercontent.google.com"):
            url = url.replace(f"https://{host}", web.url)
        return real(self, method, url, *args, **kwargs)

    monkeypatch.setattr(requests.Session, "request", redirected)
    form = (
        b'<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
        b'<input type="hidden" name="id" value="ID1"/><input type="hidden" name="confirm" value="t"/></form>'
    )
    web.pages["/uc"] = page(form, type="text/html; charset=utf-8")
    given = {"Content-Disposition": 'attachment; filename="net.pth"'}
    web.pages["/download"] = page(BODY, cuts=[300_000], headers=given)
    seen: list[tuple[int, int]] = []
    file = File(file="net.pth", sources=("gdrive://ID1",), sha256=SHA)
    sources.fetch(file, target, lambda *s: seen.append(s))
    assert target.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert left(target) == ["net.pth"]
    assert any("confirm=t" in path for path, _ in web.requests)
    web.pages["/uc"] = page(b'<p class="uc-error-subcaption">Too many users</p>', type="text/html")
    with pytest.raises(DownloadError, match=r"Google Drive does not give it out: .*Too many users"):
        sources.fetch(file, target.with_name("b"))
    web.pages["/download"] = page(b"other", headers=given)
    web.pages["/uc"] = page(form, type="text/html")
    with pytest.raises(DownloadError, match="the file that came is another"):
        sources.fetch(file, target.with_name("c"))
    web.url = "http://127.0.0.1:9"
    monkeypatch.setattr(downloads, "TRIES", 1)
    with pytest.raises(DownloadError, match="no connection to Google Drive"):
        sources.fetch(file, target.with_name("d"))


def test_pages_to_open_by_hand() -> None:
    assert sources.parse("hf://o/r/d/f.zip@v1#m").page == "https://huggingface.co/o/r/blob/v1/d/f.zip"
    assert sources.parse("gdrive://X").page == "https://drive.google.com/file/d/X/view"
    assert sources.parse("https://a.org/b.zip#c/d").page == "https://a.org/b.zip"
    assert sources.parse("https://a.org/b.zip#c/d").by_hand == "https://a.org/b.zip (its member c/d)"
    for wrong in ("ftp://a/b", "hf://only", "/etc/passwd", "file:///etc/passwd"):
        with pytest.raises(CardError):
            sources.parse(wrong)


def test_other_errors_of_the_disk_pass(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), downloads.no_room(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "no")
