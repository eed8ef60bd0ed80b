"""The notebooks as pages: they are stored without output, so a page is their text and their code."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page beside each notebook, which is copied as it is."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            name = PurePosixPath(file.src_uri)
            content = as_markdown(file.content_string, name.name)
            files.append(File.generated(config, str(name.with_suffix(".md")), content=content))
    return files


def as_markdown(notebook: str, name: str) -> str:
    """The page of a notebook (its JSON) of this file name."""
    parts = [_cell(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook)["cells"]]
    title, *rest = parts
    return "\n\n".join([title, f'Also as a notebook: <a href="{name}" download>{name}</a>', *rest]) + "\n"


def _cell(kind: str, source: str) -> str:
    return f"```` python\n{source}\n````" if kind == "code" else source
