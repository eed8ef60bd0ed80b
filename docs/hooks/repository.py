"""What pages link to outside `docs/`, as pages of the site, so that a link works in the repository and in the site.

README, CONTRIBUTING, CHANGELOG and benchmarks/RESULTS.md are pages; any other file that a page links to (code, a suite)
becomes a page that shows it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "README.md": "index.md",
    **{name: name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/RESULTS.md")},
}
"""Of a file in the repository, the page that it is in the site."""
ORIGINS = {page: name for name, page in PAGES.items()}
LINK = re.compile(r"(?<=\]\()(?!\w+:|[#/])([^)#\s]+)(#[^)\s]*)?(?=\))")
"""The target of a relative link, and its anchor."""
LANGUAGES = {".py": "python", ".toml": "toml", ".cff": "yaml", ".yml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside `docs/`, and one for each file that a page links to."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    linked = {
        target
        for file in files.documentation_pages()
        for target, _ in _targets(file.content_string, file.src_uri)
        if _shown_as_code(target)
    }
    for name in sorted(linked):
        language = LANGUAGES.get(Path(name).suffix, "text")
        text = (ROOT / name).read_text("utf-8").rstrip()
        content = f"# {name}\n\n````` {language}\n{text}\n`````\n"
        files.append(File.generated(config, _page(name), content=content, inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links of the repository lead to the pages that stand for their targets."""
    del config
    source = page.file.src_uri

    def led(link: re.Match[str]) -> str:
        target = _in_repository(link[1], source)
        uri = _page(target)
        if files.get_file_from_path(uri) is None:
            return link[0]  # no link but code, or one that leads nowhere, which MkDocs tells
        return get_relative_url(uri, source) + (link[2] or "")

    return LINK.sub(led, markdown)


def _targets(text: str, source: str) -> Iterator[tuple[str, str]]:
    for link in LINK.finditer(text):
        yield _in_repository(link[1], source), link[2] or ""


def _in_repository(link: str, source: str) -> str:
    """The path in the repository that a link of a page means."""
    origin = ORIGINS.get(source, f"docs/{source}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))


def _shown_as_code(name: str) -> bool:
    outside = name not in PAGES and not name.startswith(("docs/", ".."))
    return outside and (ROOT / name).is_file()


def _page(name: str) -> str:
    """The page of the site that stands for a file of the repository."""
    if name.startswith("docs/"):
        return re.sub(r"\.ipynb$", ".md", name.removeprefix("docs/"))  # notebooks.py makes pages of them
    return PAGES.get(name, f"source/{name}.md")
