"""Links of the documentation lead somewhere where it is read in the repository; in the site, its build checks them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def documents() -> list[str]:
    """Every Markdown file that git tracks, and those that are about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def prose(path: Path) -> str:
    return FENCED.sub("", path.read_text("utf-8"))


def anchors(path: Path) -> set[str]:
    """Of each heading the anchor that hosts of repositories give it."""
    words = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(prose(path)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in words}


def broken(path: Path) -> list[str]:
    """The relative links of a document whose file or whose heading is not there."""
    wrong = []
    for link in LINK.finditer(prose(path)):
        target = (path.parent / link[1]).resolve() if link[1] else path
        if not target.exists() or (link[2] and link[2] not in anchors(target)):
            wrong.append(link[0])
    return wrong


@pytest.mark.parametrize("name", documents())
def test_links_lead_somewhere_in_the_repository(name):
    assert broken(ROOT / name) == []


def test_a_link_that_leads_nowhere_is_told(tmp_path):
    page = tmp_path / "page.md"
    links = "[a](b.md) [a](page.md) [a](#what-it-is) [a](#none) [a](https://a.org/b.md) [a](page.md#what-it-is)"
    page.write_text(f"# What it is\n\n{links}\n\n```\n[a](c.md)\n```\n")
    assert broken(page) == ["](b.md)", "](#none)"]
