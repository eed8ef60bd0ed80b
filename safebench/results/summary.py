"""What a run was, in a few lines: for whoever opens it in Python or in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from safebench.results.comparing import terms
from safebench.results.conditions import in_order
from safebench.results.results import Results
from safebench.results.words import plural


def summary(results: Results) -> dict[str, str]:
    """What was run, line by line: from run.json and the plan, so that nothing is computed."""
    record, samples = results.record, results.samples
    photos = samples.loc[samples["original"] != "", "photo"].nunique()
    lines = {
        "run": results.name,
        "status": record.status or "unknown",
        **terms(results).labels,
        "inpainters": ", ".join(record.inpainters),
        "detectors": ", ".join(record.detectors) or "none: quality alone",
        "assembly": ", ".join(results.by_assembly()),
        "post-processing": ", ".join(in_order(results.detection["postprocess"])),
        "samples": f"{plural(len(samples), 'sample')} of {plural(photos, 'photo')}",
        "failures": f"{len(results.failures):,}",
    }
    return {name: text for name, text in lines.items() if text}


def as_html(caption: str, lines: Mapping[str, str], footer: str) -> str:
    """A table of two columns.

    Every text is escaped; the class keeps a notebook from setting `$` in names as formulas.
    """
    rows = "".join(
        f'<tr><th style="text-align: left">{escape(name)}</th><td style="text-align: left">{escape(text)}</td></tr>'
        for name, text in lines.items()
    )
    return (
        '<table class="tex2jax_ignore mathjax_ignore">'
        f'<caption style="text-align: left">{escape(caption)}</caption><tbody>{rows}</tbody></table>'
        f'<p class="tex2jax_ignore mathjax_ignore">{escape(footer)}</p>'
    )
