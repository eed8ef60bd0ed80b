"""What detectors were shown is made again from the composite and the chain; what was changed is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import safebench
from safebench.results.results import open_run
from safebench.results.submitting import opened, submit
from safebench.results.verifying import Verdict, verify
from safebench.runs.schema import ADDED


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown") / "mine"
    safebench.run(
        inpainters=["telea"], detectors=["laplacian"], limit=2, size=64, bins="10-20", keep_maps=True,
        lpips_net="squeeze", out=folder, device="cpu", postprocess=["none", "jpeg:75", "resize:0.5+noise:3"],
    )  # fmt: skip
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "mine"))


def checked(run: Path) -> Verdict:
    return verify(open_run(run), seed=1, share=1.0)


def change(run: Path, where: str, **columns: Any) -> None:
    for shard in (run / "results" / "detection").glob("*.parquet"):
        frame = pq.read_table(shard).to_pandas()
        frame.loc[(frame["postprocess"] == where) & (frame["inpainter"] == "telea"), list(columns)] = [
            *columns.values()
        ]
        frame.to_parquet(shard)


def test_an_honest_run_stands_and_is_packed_with_what_was_shown(run, tmp_path):
    verdict = checked(run)
    assert verdict.problems == ()
    assert "compared bit by bit" not in verdict.identity
    path, _ = submit(run, tmp_path / "mine.safebench.zip", seed=3)
    with opened([path]) as (packed,):
        assert {"jpeg:75", "resize:0.5+noise:3", "none"} == set(packed.detection["postprocess"])
        for name in packed.detection["picture"]:
            assert not name or (packed.folder / name).is_file()
        assert len([*packed.folder.rglob("*.mask.png")]) == 2


def test_a_picture_that_was_changed_is_refused(run):
    [shown, *_] = (run / "pictures" / "telea" / "jpeg_75").glob("*.jpg")
    Image.open(shown).save(shown, "JPEG", quality=74)
    assert any("is not the file that the detector was shown" in problem for problem in checked(run).problems)


def test_a_picture_of_another_chain_is_refused_though_its_sum_is_its_own(run):
    change(run, "jpeg:75", picture="", picture_sha256="0" * 64)
    assert any("after jpeg:75 is not the one that the detector was shown" in told for told in checked(run).problems)


def test_figures_that_belong_to_another_mask_are_refused(run):
    change(run, "resize:0.5+noise:3", f1=0.99)
    assert any("f1 is 0.99, and its pictures give" in problem for problem in checked(run).problems)


def test_a_condition_without_its_rows_is_not_complete(run):
    info = json.loads((run / "run.json").read_text())
    info["postprocessing"]["blur:3"] = {"identity": "x"}
    (run / "run.json").write_text(json.dumps(info))
    assert any("laplacian on telea (after blur:3): 0 rows of 2" in problem for problem in checked(run).problems)


def test_pictures_by_other_versions_are_made_again_and_not_compared(run):
    info = json.loads((run / "run.json").read_text())
    info["versions"]["pillow"] = "1.0"
    (run / "run.json").write_text(json.dumps(info))
    change(run, "jpeg:75", picture="", picture_sha256="0" * 64)
    verdict = checked(run)
    assert verdict.problems == ()
    assert "not compared bit by bit: pictures after jpeg:75, resize:0.5+noise:3" in verdict.identity


def test_a_run_of_before_post_processing_opens_with_the_same_tables(run):
    plain = open_run(run).detection
    plain = plain[plain["postprocess"] == "none"].reset_index(drop=True)
    for table, added in ADDED.items():
        for shard in (run / "results" / table).glob("*.parquet"):
            frame = pq.read_table(shard).to_pandas()
            if "postprocess" in frame:
                frame = frame[frame["postprocess"] == "none"]
            frame.drop(columns=list(added)).to_parquet(shard)
    info = json.loads((run / "run.json").read_text())
    del info["postprocessing"], info["inpainters"]["telea"]["assemblies"]
    (run / "run.json").write_text(json.dumps(info))
    old = open_run(run)
    pd.testing.assert_frame_equal(old.detection[plain.columns], plain)
    assert set(old.quality["assembly"]) == {"spliced"}
    assert checked(run).problems == ()
