"""The forms of text and data: figures, marks, and names that try to be commands."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safebench_reports._common.entries import POOLED, STRONGEST
from safebench_reports._common.export import bibtex, tables_of
from safebench_reports._common.latex import escaped as tex
from safebench_reports._common.standings import Standings, part

from safebench.errors import UnknownNameError
from safebench.protocol import parse_bins
from safebench.results.reporting import paper_table, write_report
from safebench.results.results import Results

from .making import FEW, MakeRun, model
from .nasty import nasty_run

NASTY_TEX = r"\input{/etc/passwd} & % $x^2$ #1 _a ~ é 漢 “q” {"


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Results:
    return make_run("forms")


def cells_of(row: Any, table: Any) -> dict[str, str]:
    return {column.key: cell.text for column, cell in zip(table.columns, row.cells, strict=True)}


def test_inpainters_are_ranked_by_the_detector_that_finds_them_best(run: Results) -> None:
    [(_, merged)] = tables_of([run])
    table = Standings(merged).inpainters
    rows = part(table, detector=STRONGEST, bin="all")
    told = [cells_of(row, table) for row in rows]
    assert [(row["rank"], row["inpainter"]) for row in told] == [
        ("1", "alpha"), ("2", "gamma"), ("3", "beta"), ("–", "copy"), ("–", "noise"),
    ]  # fmt: skip
    assert told[0]["opponent"] == "blunt"  # 0.03 above sharp
    assert told[1]["opponent"] == "blunt"  # sharp is inverted on gamma
    cells = run.detection_cells.query("bin == 'all'").set_index(["inpainter", "detector"])
    assert told[0]["auc"] == f"{cells['auc']['alpha', 'blunt']:.3f}"
    auc = [column.key for column in table.columns].index("auc")
    assert [row.cells[auc].best.get("inpainter") for row in rows] == [1, 2, None, None, None]
    assert rows[0].cells[auc].interval.startswith("[0.")
    sharp = part(table, detector="sharp", bin="all")
    assert [row.facets["inpainter"] for row in sharp][:3] == ["alpha", "gamma", "beta"]
    assert sharp[1].cells[auc].inverted


def test_detectors_are_ranked_over_all_inpainters_together(run: Results) -> None:
    [(_, merged)] = tables_of([run])
    standings = Standings(merged)
    assert standings.pooled_inpainters == ["alpha", "beta", "gamma"]  # no controls
    rows = part(standings.detectors, inpainter=POOLED, bin="all")
    told = [cells_of(row, standings.detectors) for row in rows]
    assert [(row["rank"], row["detector"]) for row in told] == [("1", "blunt"), ("2", "sharp")]
    seen = run.detection[run.detection["inpainter"].isin(["alpha", "beta", "gamma"])]
    assert told[0]["auc"] == f"{seen[seen['detector'] == 'blunt']['auc'].mean():.3f}"
    assert told[0]["n"] == str(int((seen["detector"] == "blunt").sum()))
    assert told[0]["false_alarm_rate"] == "0.000"


def test_who_did_not_meet_all_detectors_is_not_ranked(run: Results, make_run: MakeRun) -> None:
    alone = make_run("alone", inpainters={"delta": model("delta")}, detectors={"sharp": model("sharp")})
    [(_, merged)] = tables_of([run, alone])
    table = Standings(merged).inpainters
    [delta] = part(table, detector=STRONGEST, bin="all", inpainter="delta")
    assert (delta.cells[0].text, delta.cells[0].note) == ("–", "met 1 of 2 detectors")
    assert "delta" not in Standings(merged).pooled_inpainters


def test_who_failed_on_images_is_not_ranked_as_if_on_none(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("failed", errors={("alpha", "blunt"): "out of memory"})
    [(_, merged)] = tables_of([run])
    standings = Standings(merged)
    [alpha] = part(standings.inpainters, detector=STRONGEST, bin="all", inpainter="alpha")
    assert (alpha.cells[0].text, alpha.cells[0].note) == ("–", "40 of 40 images failed before blunt")
    assert standings.pooled_inpainters == ["beta", "gamma"]  # all detectors on the same images
    ranks = standings.frame("inpainter").query(f"list == '{STRONGEST}' and bin == 'all'").set_index("inpainter")
    assert ranks["rank"].dropna().to_dict() == {"gamma": 1, "beta": 2}
    assert ranks["no_rank"]["alpha"] == "40 of 40 images failed before blunt"
    text = write_report([run], tmp_path, "markdown").read_text()
    assert "alpha (40 of 40 images failed before blunt) not ranked" in text.replace("\\", "")


def test_few_photos_rank_and_mark_nobody(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("few", photos=FEW)
    [(_, merged)] = tables_of([run])
    standings = Standings(merged)
    for view in ("inpainter", "detector"):
        assert standings.frame(view)["rank"].isna().all()
        assert not [cell for row in standings.table(view).rows for cell in row.cells if cell.best]
    for form, marks in (("markdown", "**"), ("latex", r"\textbf{")):
        path = write_report([run], tmp_path / form, form)
        text = "".join(file.read_text() for file in path.parent.iterdir())
        assert marks not in text
        assert "too few photos to rank (it takes 20)" in text.replace("\\", "")


def test_csv_and_parquet_hold_every_cell(run: Results, tmp_path: Path) -> None:
    for form, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        first = write_report([run], tmp_path / form, form)
        assert first.name == f"detection.{form}"
        for name, cells in (("detection", run.detection_cells), ("quality", run.quality_cells)):
            found = read(tmp_path / form / f"{name}.{form}")
            assert set(found["table"]) == {"Table 1"}
            assert set(found["lpips_backbone"]) == {"squeeze"}
            if form == "csv":
                assert set(found["bin"]) == {"all", *(f"{b}%" for b in set(cells["bin"]) - {"all"})}
                found["bin"] = found["bin"].str.removesuffix("%")
            pd.testing.assert_frame_equal(found[cells.columns.tolist()], cells, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "3-4", "1/2/2024", "1e5", "mar1", "1 Sept"])
def test_a_name_that_a_spreadsheet_would_change_stays_text_in_csv(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    write_report([make_run("formula", inpainters={name: model("x")})], tmp_path, "csv")
    assert set(pd.read_csv(tmp_path / "quality.csv")["inpainter"]) == {f"'{name}"}


def test_every_csv_is_as_spreadsheets_open_it(make_run: MakeRun, tmp_path: Path) -> None:
    """With the mark by which they know UTF-8, and no bin that they take for a day of the year."""
    run = make_run("people", inpainters={"修復-é": model("x"), "marten1": model("y")})
    write_report([run], tmp_path / "csv", "csv")
    write_report([run], tmp_path / "board", "leaderboard")
    files = [*(tmp_path / "csv").glob("*.csv"), *(tmp_path / "board" / "downloads").glob("*.csv")]
    assert len(files) == 5 + 6
    for file in files:
        assert file.read_bytes().startswith(b"\xef\xbb\xbf")
        text = file.read_text(encoding="utf-8-sig")
        assert not re.search(r"(^|,)\d+[-/]\d+(,|$)", text, re.MULTILINE)
    frame = pd.read_csv(tmp_path / "board" / "downloads" / "inpainters.csv")
    assert {"修復-é", "marten1"} <= set(frame["inpainter"])
    bins = set(frame["bin"]) - {"all"}
    assert {b.name for b in parse_bins(",".join(bins))} == {b.removesuffix("%") for b in bins}


def test_markdown_tables_are_tables(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("md", inpainters={"a|b*_<img src=x>": model("x"), "beta": model("beta")})
    text = write_report([run], tmp_path, "markdown").read_text()
    assert "<img" not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines[:4]} == {len(re.findall(r"\|", lines[1]))}
    assert any("**" in line for line in lines)


def test_latex_takes_no_name_for_a_command() -> None:
    shown = tex(NASTY_TEX)
    assert shown.startswith(r"\textbackslash{}input\{/etc/passwd\} \& \% \$x\textasciicircum{}2\$ \#1 \_a")
    assert "é ? ?q? \\{" in shown


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs a LaTeX with booktabs (pdflatex)")
def test_latex_compiles_with_best_and_second_marked(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("tex", inpainters={NASTY_TEX: model("n"), "alpha": model("alpha"), "gamma": model("gamma")})
    main = write_report([run], tmp_path, "latex")
    for path in tmp_path.glob("table*50*.tex"):  # one list of each kind is enough
        path.unlink()
    text = (tmp_path / "table_1-inpainters-sample-none-all.tex").read_text()
    assert r"\toprule" in text
    assert len(re.findall(r"\\textbf\{0\.6", text)) >= 1
    assert r"\underline{" in text
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", main.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert main.with_suffix(".pdf").stat().st_size > 1000


def lines_of(tex: str) -> dict[str, list[str]]:
    """The figures of each inpainter in a table of the paper's shape."""
    rows = re.findall(r"^(\w\S*) & (.*) \\\\$", tex, re.MULTILINE)
    return {name: figures.split(" & ") for name, figures in rows}


def test_the_papers_shape_has_a_column_for_each_detector_and_bin(run: Results) -> None:
    text = paper_table([run], ["auc"])
    assert r" & \multicolumn{2}{c}{sharp} & \multicolumn{2}{c}{blunt} \\" in text
    lines = lines_of(text)
    assert lines.pop("Inpainter") == [r"10--20\%", r"30--40\%"] * 2
    assert list(lines) == ["alpha", "beta", "gamma", "copy", "noise"]
    cells = run.detection_cells.set_index(["inpainter", "detector", "bin"])["auc"]
    for name, figures in lines.items():
        shown = [re.sub(r"\\\w+\{(.*)\}", r"\1", figure) for figure in figures]
        of = [(detector, bin_) for detector in ("sharp", "blunt") for bin_ in ("10-20", "30-40")]
        assert shown == [f"{cells[name, detector, bin_]:.3f}" for detector, bin_ in of]
    before_blunt = {name: figures[2].partition("{")[0] for name, figures in lines.items()}
    assert before_blunt["alpha"] == r"\textbf", "nearest to chance: best seen from the inpainter"
    assert before_blunt["gamma"] == r"\underline"
    assert {before_blunt[name][:1] for name in ("beta", "copy", "noise")} == {"0"}, "no control is marked"
    assert lines["gamma"][0].startswith("0.2"), "an inverted detector's figure is not marked"
    assert r"{\tiny [" in text
    assert "inverted" in text


def test_the_papers_shape_has_a_dash_for_what_is_missing_and_no_mark(make_run: MakeRun) -> None:
    run = make_run("holes", errors={("alpha", "sharp"): "out of memory"})
    lines = lines_of(paper_table([run], ["auc", "f1"]))
    assert lines["alpha"][:2] == ["--", "--"]
    assert not lines["alpha"][2].startswith("\\underline")
    text = paper_table([make_run("few shapes", photos=FEW)], ["auc"])
    assert r"\textbf" not in text
    assert r"\underline" not in text
    assert "too few photos to rank" in text


def test_the_papers_shape_of_quality_has_bins_alone(make_run: MakeRun) -> None:
    alone = make_run("quality alone", detectors={})
    for run, key in ((make_run("both"), "psnr_hole"), (alone, "psnr_hole"), (alone, "lpips")):
        text = paper_table([run], [key])
        assert r"\multicolumn" not in text
        assert len(lines_of(text)["alpha"]) == 2
    with pytest.raises(UnknownNameError, match="'auc' is no metric of these inpainters; there are psnr, ssim"):
        paper_table([alone], ["auc"])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs a LaTeX with booktabs (pdflatex)")
@pytest.mark.parametrize(
    "body", ["", r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}A \input{b}"]
)
def test_the_papers_shape_compiles_alone_and_within_a_paper(make_run: MakeRun, tmp_path: Path, body: str) -> None:
    run = make_run("shape", inpainters={NASTY_TEX: model("n"), "alpha": model("alpha")})
    table = tmp_path / ("b.tex" if body else "a.tex")
    table.write_text(paper_table([run], ["auc", "psnr_hole"]))
    if body:
        (tmp_path / "a.tex").write_text(body + r" C\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "a.pdf").stat().st_size > 1000


def test_every_paper_has_one_entry(run: Results) -> None:
    text = bibtex([merged for _, merged in tables_of([run])])
    of_models = len(run.record.inpainters) + len(run.record.detectors)
    assert re.findall(r"@misc\{(\w+)", text)[:2] == ["safebench", "safepaint2024"]
    assert text.count("@misc{") == 2 + of_models
    assert "Software, version 0.1.0" in text
    assert "title = {{Paper of alpha}}" in text


def test_json_in_downloads_holds_all_cells(run: Results, tmp_path: Path) -> None:
    write_report([run], tmp_path, "leaderboard")
    data = json.loads((tmp_path / "downloads" / "leaderboard.json").read_text())
    assert len(data["detection"]) == len(run.detection_cells)
    frame = pd.read_parquet(io.BytesIO((tmp_path / "downloads" / "detection.parquet").read_bytes()))
    assert len(frame) == len(run.detection_cells)
    with zipfile.ZipFile(tmp_path / "downloads" / "latex.zip") as archive:
        names = set(archive.namelist())
        inputs = re.findall(r"\\input\{(.*)\}", archive.read("leaderboard.tex").decode())
    assert {f"{name}.tex" for name in inputs} == names - {"leaderboard.tex", "references.bib"}
    assert "table_1-inpainters-sample-none-30-40-against-sharp.tex" in names


def test_ranks_and_pooled_figures_are_data_too(run: Results, tmp_path: Path) -> None:
    write_report([run], tmp_path, "parquet")
    inpainters = pd.read_parquet(tmp_path / "inpainters.parquet").query("bin == 'all'").set_index(["list", "inpainter"])
    assert inpainters.loc[STRONGEST]["rank"].dropna().to_dict() == {"alpha": 1, "gamma": 2, "beta": 3}
    assert inpainters.loc[(STRONGEST, "gamma"), "detector"] == "blunt"
    assert inpainters.loc[("sharp", "gamma"), "inverted"]
    cells = run.quality_cells.query("bin == 'all'").set_index("inpainter")
    assert inpainters.loc[(STRONGEST, "beta"), "psnr_low"] == cells["psnr_low"]["beta"]
    pooled = pd.read_parquet(tmp_path / "detectors.parquet").query(f"list == '{POOLED}' and bin == 'all'")
    seen = run.detection[run.detection["inpainter"].isin(["alpha", "beta", "gamma"])]
    means = seen.groupby("detector")["auc"].mean()
    assert pooled.set_index("detector")["auc"].to_dict() == pytest.approx(means.to_dict())


def test_names_that_try_to_be_markup_pass_every_form(make_run: MakeRun, tmp_path: Path) -> None:
    run = nasty_run(make_run)
    for form in ("latex", "markdown", "csv", "parquet"):
        assert write_report([run], tmp_path / form, form).is_file()
    assert "<script" not in (tmp_path / "markdown" / "leaderboard.md").read_text()
