"""The reference of what is public in Python, generated from the docstrings by mkdocstrings."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import safebench

PAGE = "reference/python.md"
METRICS = "safebench.metrics.functions"
SECTIONS = (
    (
        "What models have to be",
        "Inpainters, detectors, post-processings and recipes. How to add one: [CONTRIBUTING](../CONTRIBUTING.md).",
        "safebench.models.contracts",
    ),
    ("Suites that hold a model against its contract", "", "safebench.testing"),
    (
        "Metrics of your own",
        "How to add one: [CONTRIBUTING](../CONTRIBUTING.md#add-a-metric-in-one-file).",
        "safebench.metrics.metric",
    ),
    ("What metrics are computed from", "", "safebench.metrics.evidence"),
    ("Errors", "What a user can put right is told in a sentence, and raised as one of these.", "safebench.errors"),
)
"""Modules that are public as they are: heading, introduction, name."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content=reference()))
    return files


def reference() -> str:
    """The page: the names of `safebench`, then the modules of SECTIONS; mkdocstrings fills in what each is."""
    of_runs = [name for name in safebench.__all__ if getattr(safebench, name).__module__ != METRICS]
    of_runs.sort(key=lambda name: isinstance(getattr(safebench, name), type))  # classes behind the functions
    of_metrics = [name for name in safebench.__all__ if name not in of_runs]
    parts = [
        "# Python",
        "What stands on this page is public; what that promises: [CONTRIBUTING](../CONTRIBUTING.md#versions).",
        "## Runs and models",
        *(_entry(f"safebench.{name}") for name in of_runs),
        "## Metrics as functions of arrays",
        "What each is good for, and the metrics that are no functions: [metrics](../metrics.md).",
        *(_entry(f"safebench.{name}") for name in of_metrics),
    ]
    for heading, introduction, module in SECTIONS:
        parts += [f"## {heading}", introduction, _entry(module, show_root_toc_entry=False)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _entry(name: str, **options: bool) -> str:
    lines = [f"::: {name}", *(["    options:"] if options else [])]
    return "\n".join([*lines, *(f"      {option}: {str(value).lower()}" for option, value in options.items())])
