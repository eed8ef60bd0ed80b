"""Detectors that learn, on the pages: how many pictures it takes, trained on and tested on, whose ranks they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safebench.results.claims import Claims
from safebench.results.report_format import ReportFormat
from safebench.results.reporting import write_report
from safebench.results.results import Results

from .making import FEW, MakeRun, model
from .reading import Page

AUC = {
    ("alpha", "net"): 0.6, ("alpha", "net@alpha-9"): 0.7, ("alpha", "net@alpha-99"): 0.9,
    ("beta", "net"): 0.7, ("beta", "net@alpha-9"): 0.65, ("beta", "net@alpha-99"): 0.55,
    ("beta", "net@beta-9"): 0.72, ("beta", "net@beta-99"): 0.75,
}  # fmt: skip


def detectors() -> dict[str, Any]:
    said: dict[str, Any] = {"net": model("net", weights_sha256="e" * 64), "sharp": model("sharp")}
    for inpainter in ("alpha", "beta"):
        for pictures in (99, 9):
            learned = {"detector": "net", "start": "e" * 64, "inpainter": inpainter, "pictures": pictures, "steps": 5}
            said[f"net@{inpainter}-{pictures}"] = model("net", adapted=learned)
    return said


def auc(inpainter: str, detector: str, hole_bin: str) -> float:
    return AUC.get((inpainter, detector), 0.6)


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Results:
    return make_run("learning", pictures=1, auc=auc, detectors=detectors())


@pytest.fixture(scope="module")
def report(form: ReportFormat, run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return form.write([run], tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def site(run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([run], tmp_path_factory.mktemp("site"), "leaderboard")


@pytest.mark.parametrize("page", ["report", "site"])
def test_inpainters_are_ranked_by_how_many_pictures_it_takes(page: str, request: pytest.FixtureRequest) -> None:
    shown = Page(request.getfixturevalue(page))
    hardest, other = (shown.cells("needed", inpainter=name, detector="net") for name in ("beta", "alpha"))
    assert (hardest["rank"], other["rank"]) == ("1", "2")
    assert hardest["needed"].startswith(">99")
    assert other["needed"].startswith("31"), "between 9 and 99, straight over the logarithm"
    assert float(other["auc_before"].split()[0]) == pytest.approx(0.6, abs=0.02)
    assert float(other["auc_after"].split()[0]) == pytest.approx(0.9, abs=0.02)
    assert "net does not find beta after 99 of its pictures" in shown.text
    columns = shown.heads["learning-table"]
    assert [key for key in columns if key not in ("detector", "learned")] == [
        "pictures", *(f"auc_{k}" for k in range(5)), "false_alarm_rate"
    ]  # fmt: skip
    rows = [dict(zip(columns, row.cells, strict=True)) for row in shown.rows["learning-table"]]
    assert [(row["learned"], row["pictures"]) for row in rows] == [
        (a, n) for a in ("alpha", "beta") for n in ("0", "9", "99")
    ]
    assert float(rows[2]["auc_1"].split()[0]) == pytest.approx(0.55, abs=0.02), "it learned alpha and forgot beta"
    cells = shown.data["learning-data"]["cells"]
    forgets = [cell for cell in cells if (cell["inpainter"], cell["condition"], cell["slice"]) == ("beta", "99", 0)]
    assert forgets[0]["figures"]["auc"][0] == pytest.approx(0.55, abs=0.02)
    assert [level["key"] for level in shown.data["learning-data"]["curves"][0]["levels"]] == ["0", "9", "99"]


def test_who_has_learned_takes_no_part_in_other_ranks_of_inpainters(run: Results) -> None:
    claims = Claims(run)
    assert claims.panel((run.samples["dataset"].iloc[0], "none", "all")) == ["net", "sharp"]
    [alpha] = [e for e in claims.evidence(claims.place(run.samples["dataset"].iloc[0])) if e.inpainter == "alpha"]
    assert alpha.pixel["detector"] in ("net", "sharp")


def test_few_photos_rank_nobody_and_a_run_without_learning_has_no_such_section(
    form: ReportFormat, make_run: MakeRun, tmp_path: Path
) -> None:
    few = make_run("few-learn", pictures=1, auc=auc, detectors=detectors(), photos=FEW)
    shown = Page(form.write([few], tmp_path / "few"))
    assert shown.cells("needed", inpainter="beta", detector="net")["rank"] == "–"
    plain = Page(form.write([make_run("none-learns", pictures=1, photos=FEW)], tmp_path / "plain"))
    assert "learning-table" not in plain.rows
    assert "learning-data" not in plain.data
