"""A run that tries to be markup."""

from __future__ import annotations

from typing import Any

from safebench.results.results import Results

from .making import MakeRun, usual_detectors, usual_inpainters

NASTY = (
    '<img src=x onerror="window.pwned=1">',
    '"><script>window.pwned=1</script>',
    "</script><script>window.pwned=1</script><!--<script>",
    "' onmouseover='window.pwned=1' {{ 7 * 7 }} \u2028",
)


CONDITIONS: dict[str, Any] = {
    "lost": {f"{NASTY[0]}:75": {NASTY[2]: 0.1, "blunt": 0.2}, NASTY[1]: {NASTY[2]: 0.1, "blunt": 0.2}},
    "whole": {NASTY[2]: 0.1, "blunt": 0.2},
}
"""Post-processing by such names, one of them with a level, and regenerated pictures: for `nasty_run`."""


def nasty_run(make_run: MakeRun, **changes: Any) -> Results:
    """A run in which every name, sentence and address tries to be markup."""
    tried = NASTY[0]
    said = {"title": tried, "summary": NASTY[2], "licence": {"code": NASTY[1]}, "version": NASTY[3]}
    paper = {"title": NASTY[1], "authors": NASTY[2], "venue": tried, "year": 2000, "url": "javascript:window.pwned=1"}
    inpainters = {
        "alpha": {**usual_inpainters()["alpha"], **said, "paper": paper},
        NASTY[1]: {**usual_inpainters()["beta"], **said},
    }
    detectors = {NASTY[2]: {**usual_detectors()["sharp"], **said}, "blunt": usual_detectors()["blunt"]}
    return make_run(
        "nasty",
        inpainters=inpainters,
        detectors=detectors,
        photos=(*NASTY, "plain.png"),
        dataset=NASTY[2],
        errors={("alpha", "blunt"): NASTY[2]},
        info={
            "platform": tried,
            "device": NASTY[1],
            "photos": {"title": NASTY[2], "name": NASTY[3]},
            "versions": {tried: tried},
        },
        **changes,
    )
