"""What the page says first: who did what, on what, and what came of it; for several kinds of runs."""

from __future__ import annotations

from typing import Any

import pytest
from safebench_reports._common.runs import open_runs
from safebench_reports.html.findings import findings

from safebench.results.results import Results

from .making import FEW, MakeRun, model, usual_inpainters
from .nasty import nasty_run

LOOKED = "; sharp and blunt looked for them."


def first(run: Results) -> tuple[str, str]:
    """Opening and lead as text."""
    [said] = findings(open_runs([run])[0])
    return said.opening.striptags(), said.lead.striptags()


@pytest.mark.parametrize(
    ("changes", "opening", "lead"),
    [
        (
            {},
            "alpha, beta and gamma filled 40 holes of 10–20% and 30–40% in 20 photos (sample)" + LOOKED,
            "Least detectable: alpha. The most that is found of it: pixel AUC 0.6",
        ),
        (
            {"photos": FEW},
            "alpha, beta and gamma filled 8 holes of 10–20% and 30–40% in 4 photos (sample)" + LOOKED,
            "The most that is found, as pixel AUC: 0.6",
        ),
        (
            {"inpainters": {"alpha": model("alpha", "diffusion")}},
            "alpha filled 40 holes of 10–20% and 30–40% in 20 photos (sample)" + LOOKED,
            "One inpainter ranked: alpha. The most that is found of it: pixel AUC 0.6",
        ),
        (
            {"inpainters": {f"m{k}": model(f"m{k}") for k in range(7)}, "photos": FEW},
            "7 inpainters filled 8 holes of 10–20% and 30–40% in 4 photos (sample)" + LOOKED,
            "What is found most of each lies between pixel AUC 0.6",
        ),
        (
            {"detectors": {}},
            "alpha, beta and gamma filled 40 holes of 10–20% and 30–40% in 20 photos (sample).",
            "No detector looked at these composites: this run measures quality alone.",
        ),
        ({"photos": ()}, "", "This run holds no figures."),
    ],
)
def test_what_was_run_and_what_was_found(make_run: MakeRun, changes: dict[str, Any], opening: str, lead: str) -> None:
    said, found = first(make_run(**changes))
    assert said == opening
    assert found.startswith(lead)


def test_a_model_that_made_nothing_is_not_said_to_have(make_run: MakeRun) -> None:
    failed = {("alpha", detector): "out of memory" for detector in ("", "sharp", "blunt")}
    assert first(make_run(errors=failed))[0].startswith("beta and gamma filled 40 holes")
    failed = {(name, detector): "lost" for name in usual_inpainters() for detector in ("", "sharp", "blunt")}
    said, found = first(make_run(errors=failed))
    assert said == ""
    assert found.startswith("No inpainter can be ranked: ")


def test_where_controls_ran_alone_nothing_is_told_of_their_quality(make_run: MakeRun) -> None:
    opening, lead = first(make_run(inpainters={"copy": usual_inpainters()["copy"]}))
    assert opening == ""
    assert "Quality of" not in lead


def test_controls_that_do_not_hold_are_told_at_once(make_run: MakeRun) -> None:
    warned = "Read sharp and blunt with care: controls do not hold."
    assert first(make_run(auc=lambda name, *_: 0.2 if name == "noise" else 0.7))[1].endswith(warned)
    assert "with care" not in first(make_run())[1]


def test_where_nothing_is_found_it_says_so(make_run: MakeRun) -> None:
    run = make_run(auc=lambda *_: 0.5, inpainters={"alpha": model("alpha")})
    run.detection["score"] = 0.2  # of originals too
    assert "No detector tells it from chance" in first(run)[1]


def test_forged_pictures_are_not_said_to_be_filled_here(make_run: MakeRun) -> None:
    makers = {"casia": 8, "others": 8}
    pictures = {"kind": "csv", "makers": makers, "authentic": 4, "excluded": 0, "exclusion": "", "hole": "white"}
    inpainters = {name: model(name) for name in makers}
    run = make_run(photos=FEW, inpainters=inpainters, info={"pictures": pictures})
    opening, _ = first(run)
    assert opening == (
        "sharp and blunt looked at 16 forged pictures (sample) that casia and others made, and at 4 authentic ones."
    )
    [said] = findings(open_runs([run])[0])
    assert not any("--inpainter copy" in point.text for point in said.points)  # there is none to run


def test_names_stay_text(make_run: MakeRun) -> None:
    [said] = findings(open_runs([nasty_run(make_run)])[0])
    for text in (said.opening, said.lead):
        assert "<script" not in text
        assert "<img" not in text
