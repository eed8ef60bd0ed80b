"""A card's files come from the first source that has them: web servers, archives, the Hub, Google Drive."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from safebench.errors import CardError
from safebench.weights.fetch import downloads, sources
from safebench.weights.fetch.downloads import DownloadError
from safebench.weights.published import File

from ...published import BODY, SHA, left


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
    for member in ("big/models/best.ckpt", "models/best.ckpt"):
        file = File(file="best.ckpt", sources=(f"{web.url}/big.zip#{member}",), sha256=SHA)
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
        ({"other": b"", "not-net": BODY}, "no such member"),
        ({"a/net": BODY, "b/net": BODY}, "several such members"),
        ({"net": BODY, "../../evil": b"x"}, "climbs out"),
        ({"net": b"other bytes"}, "the file that came is another"),
    ],
)
def test_archives_that_are_refused(web: Any, page: Any, target: Path, members: dict[str, bytes], said: str) -> None:
    web.pages["/a.zip"] = page(packed(members))
    with pytest.raises(DownloadError, match=said):
        sources.fetch(File(file="net", sources=(f"{web.url}/a.zip#net",), sha256=SHA), target)
    assert not target.exists()
    assert left(target) == []


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
