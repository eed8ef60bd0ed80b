"""A site goes to a folder or to a stand-in for the Hub; a dry run sends nothing, and no token is told."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from safebench.errors import ConfigError, PublishError
from safebench.results.publishing import publish

TOKEN = "hf_averysecrettoken0123456789"


class Hub:
    """As much of the Hub as a client needs to make a repository and commit to it."""

    def __init__(self) -> None:
        self.created: list[dict[str, str]] = []
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.refuse = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hub.asked.append(self.path)
                if hub.refuse:
                    return self._answer({"error": f"refused {self.headers['Authorization']}"}, hub.refuse)
                return self._answer(hub.answer(self.path, body))

            def do_GET(self) -> None:
                self._answer({}, 404)

            def _answer(self, found: dict[str, object], status: int = 200) -> None:
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, body: bytes) -> dict[str, object]:
        if path == "/api/repos/create":
            made = json.loads(body)
            self.created.append(made)
            return {"url": f"{self.url}/{made.get('type', 'model')}s/{made['organization']}/{made['name']}"}
        if "/preupload/" in path:
            return {
                "files": [
                    {**file, "uploadMode": "regular", "shouldIgnore": False} for file in json.loads(body)["files"]
                ]
            }
        if "/commit/" in path:
            kind = path.split("/")[2]
            lines = [json.loads(line) for line in body.splitlines()]
            held = self.files.setdefault(kind, {})
            for line in lines:
                if line["key"] == "file":
                    held[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return {"commitUrl": f"{self.url}/{kind}/me/board/commit/0", "commitOid": "0" * 40, "success": True}
        return {"errors": [], "warnings": []}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    found = Hub()
    threading.Thread(target=found.server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", found.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield found
    found.server.shutdown()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    tables = folder / "downloads"
    tables.mkdir(parents=True)
    (folder / "index.html").write_text(f"<p>made in {folder}/run and {Path.home()}/x</p>")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / ".hidden").write_text("not for others")
    pd.DataFrame({"table": ["Table 1"], "auc": [0.5], "auc_low": [0.4]}).to_parquet(tables / "detection.parquet")
    return folder


def test_a_folder_of_pages(site: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "CNAME").write_text("example.org")
    said: list[str] = []
    publish(site, str(pages), dry_run=False, say=said.append)
    held = {path.relative_to(pages).as_posix() for path in pages.rglob("*") if path.is_file()}
    assert held == {
        "CNAME", ".nojekyll", ".safebench-published", "index.html", "picture.png", "downloads/detection.parquet",
    }  # fmt: skip
    text = (pages / "index.html").read_text()
    assert text == "<p>made in run and x</p>"
    (site / "picture.png").unlink()
    publish(site, str(pages), dry_run=False, say=said.append)
    assert not (pages / "picture.png").exists()
    assert (pages / "CNAME").exists()


def test_a_dry_run_lists_and_sends_nothing(site: Path, tmp_path: Path, hub: Hub) -> None:
    said: list[str] = []
    publish(site, "hf:me/board", dry_run=True, say=said.append)
    publish(site, str(tmp_path / "pages"), dry_run=True, say=said.append)
    assert hub.asked == []
    assert not (tmp_path / "pages").exists()
    assert any("picture.png (4 bytes)" in line for line in said)
    assert not any("hidden" in line for line in said)


def test_the_hub_gets_a_space_and_a_data_set(site: Path, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    publish(site, "hf:me/board", dry_run=False, say=said.append)
    assert [(made["type"], made.get("sdk")) for made in hub.created] == [("dataset", None), ("space", "static")]
    space, data = hub.files["spaces"], hub.files["datasets"]
    assert set(space) == {"index.html", "picture.png", "downloads/detection.parquet", "README.md"}
    assert b"sdk: static" in space["README.md"]
    assert set(data) == {"detection.parquet", "README.md"}
    card = data["README.md"].decode()
    assert "config_name: detection" in card
    assert "`detection.parquet`: 1 rows. Columns: `table`, `auc`." in card
    assert pd.read_parquet(io.BytesIO(data["detection.parquet"]))["auc"].tolist() == [0.5]
    told = "".join(said) + "".join(capfd.readouterr())
    assert TOKEN not in told
    assert not any(TOKEN.encode() in file for files in hub.files.values() for file in files.values())


def test_a_refusal_is_one_sentence_without_the_token(site: Path, hub: Hub) -> None:
    hub.refuse = 403
    with pytest.raises(PublishError, match=r"hf:me/board: the Hub refused \(status 403\); log in") as error:
        publish(site, "hf:me/board", dry_run=False, say=lambda _: None)
    assert TOKEN not in str(error.value)


def test_no_network_is_one_sentence(site: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens at the port "discard"
    with pytest.raises(PublishError, match=r"hf:me/board: could not be sent \(\w+\); is there a network") as error:
        publish(site, "hf:me/board", dry_run=False, say=lambda _: None)
    assert TOKEN not in str(error.value)


def test_what_cannot_be_published(site: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not hf:OWNER/NAME"):
        publish(site, "hf:board", dry_run=True, say=print)
    with pytest.raises(ConfigError, match=r"holds no index\.html"):
        publish(tmp_path, "x", dry_run=True, say=print)
    (site / "link.txt").symlink_to("/etc/hostname")
    with pytest.raises(ConfigError, match="leads out of the site's folder"):
        publish(site, "x", dry_run=True, say=print)
