"""The navigation: pages that mkdocs.yml does not place stand at its end, so that none is out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import Files, InclusionLevel


@event_priority(-100)  # behind those that add pages
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Place what is not placed."""
    placed = set(_placed(config.nav))
    pages = [file for file in files.documentation_pages() if file.inclusion is not InclusionLevel.NOT_IN_NAV]
    more: list[Any] = sorted(file.src_uri for file in pages if file.src_uri not in placed)
    if more and config.nav is not None:
        config.nav.append({"More": more})
    return files


def _placed(nav: Any) -> Iterator[str]:
    """The pages that a navigation names, at any depth."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _placed(part)
