"""The documentation's site: built without a warning, complete, and its pages open in a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import typer.main

import safebench
from safebench.cli.app import app

from ..reports.browsing import DESKTOP, PHONE, Open

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
inpainters = ["telea", "copy"]
detectors = ["laplacian"]
bins = "30-40"
limit = 2
size = 64
lpips_net = "squeeze"
"""
"""A gallery of two pictures, in place of that of docs/gallery.toml."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, with a smaller gallery."""
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package, reason="needs MkDocs (pip install 'safebench[docs]')")
    folder = tmp_path_factory.mktemp("docs")
    (folder / "suite.toml").write_text(SUITE)
    gallery = {
        "SAFEBENCH_GALLERY_SUITE": str(folder / "suite.toml"),
        "SAFEBENCH_GALLERY_FOLDER": str(folder / "gallery"),
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder / "site")]
    environment = {**os.environ, **gallery}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "site"


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.add(value)
            elif value and name == "id":
                self.anchors.add(value)


def own_pages(site: Path) -> list[Path]:
    """The pages of the documentation: not those of the gallery, which are reports', with tests of their own, nor what a
    host shows instead of a page that is not there, whose links begin at its root."""
    pages = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(site / page for page in pages if page.parts[0] not in ("gallery", "404.html"))


def broken(site: Path) -> Iterator[str]:
    pages = {path: Page(path) for path in own_pages(site)}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors
            ):
                yield f"{path.relative_to(site)}: {link}"


def test_every_link_leads_somewhere(site):
    assert list(broken(site)) == []


def test_the_command_line_s_reference_holds_every_command_and_option(site):
    text = (site / "reference" / "command-line.html").read_text("utf-8")

    def shown(command: Any, name: str) -> Iterator[str]:
        yield name
        yield from (max(option.opts, key=len) for option in command.params if option.param_type_name == "option")
        for part, below in getattr(command, "commands", {}).items():
            yield from shown(below, f"{name} {part}")

    wanted = set(shown(typer.main.get_command(app), "safebench"))
    assert {"safebench data prepare", "--assembly"} <= wanted
    assert [name for name in wanted if f"<code>{name}" not in text] == []
    assert "[/bold]" not in text


def test_the_reference_of_python_holds_every_public_name(site):
    anchors = Page(site / "reference" / "python.html").anchors
    wanted = {f"safebench.{name}" for name in safebench.__all__}
    wanted |= {"safebench.models.contracts.Inpainter.inpaint", "safebench.testing.DetectorContract"}
    wanted |= {"safebench.metrics.metric.Metric", "safebench.errors.WeightsError"}
    assert wanted <= anchors


def test_every_page_is_within_reach(site):
    """From the first page, by the navigation or a link; what shows code is reached from the page that names it."""
    links: dict[Path, set[Path]] = {}
    for path in own_pages(site):
        links[path] = {(path.parent / unquote(urlsplit(link).path)).resolve() for link in Page(path).links}
    reached, todo = set(), [site / "index.html"]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo += [target for target in links[path] if target in links]
    assert reached == set(links)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_its_pages_open_quietly_and_fit_the_window(open_page: Open, site: Path, size: Any) -> None:
    page = open_page(site / "index.html", size)
    for path in own_pages(site):
        page.goto(path.as_uri())
        assert page.locator("h1").count() == 1, path
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path


def test_the_gallery_leads_to_a_report_a_leaderboard_and_a_head_to_head(open_page: Open, site: Path) -> None:
    page = open_page(site / "index.html")
    for name in ("Report", "Leaderboard", "Head to head"):
        page.goto((site / "gallery.html").as_uri())
        page.get_by_role("article").get_by_role("link", name=name, exact=True).click()
        page.wait_for_load_state()
        assert page.locator("h1").count() == 1
        assert page.get_by_text("telea").first.is_visible() or name == "Head to head"
    assert page.url.endswith("gallery/leaderboard/head-to-head.html")
    images = page.evaluate("[...document.images].filter((image) => !image.naturalWidth).map((image) => image.src)")
    assert images == []
