"""A run is held against its own pictures before it is taken; one that was changed is refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import safebench
from safebench.errors import ConfigError, FileError, StoreError, SubmissionError
from safebench.results.identity import identity_sentence
from safebench.results.results import open_run
from safebench.results.submitting import check, opened, submit
from safebench.results.verifying import verify
from safebench.runs.record import read_record


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real run with its maps."""
    folder = tmp_path_factory.mktemp("submitted") / "mine"
    safebench.run(
        inpainters=["telea", "copy"], detectors=["laplacian"], limit=3, size=64, bins="10-20,30-40", keep_maps=True,
        lpips_net="squeeze", out=folder, device="cpu",
    )  # fmt: skip
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "mine"))


def change(run: Path, table: str, **columns: Any) -> None:
    for shard in (run / "results" / table).glob("*.parquet"):
        frame = pq.read_table(shard).to_pandas()
        frame.assign(**{key: make(frame[key]) for key, make in columns.items()}).to_parquet(shard)


def refused(run: Path, why: str, share: float = 1.0) -> None:
    with pytest.raises(SubmissionError, match=why):
        verify(open_run(run), seed=1, share=share).raise_if_wrong("mine")


def test_an_honest_run_is_packed_and_read_back(run: Path, tmp_path: Path) -> None:
    verdict = verify(open_run(run), seed=1, share=1.0)
    assert verdict.problems == ()
    assert verdict.samples == 6
    path, drawn = submit(run, tmp_path / "mine.safebench.zip", seed=3)
    assert drawn.samples == 1
    assert drawn.figures > 10
    assert "Not checked: that these models" in drawn.identity
    assert drawn.identity.endswith("code as installed here: telea, copy, laplacian.")
    with opened([path, run]) as (packed, original):
        assert packed.name == "mine"
        keys = ["inpainter", "detector", "bin"]
        pd.testing.assert_frame_equal(packed.detection_cells.set_index(keys), original.detection_cells.set_index(keys))
        kept = packed.folder
        text = (kept / "run.json").read_text()
    assert not kept.exists()
    assert str(tmp_path) not in text
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("report", "."))]


def test_a_package_and_a_run_are_checked_as_a_leaderboard_does(run: Path, tmp_path: Path) -> None:
    path, _ = submit(run, tmp_path / "mine.safebench.zip", seed=3)
    assert check(path, seed=4).figures == check(run, seed=4).figures > 10
    change(run, "quality", psnr=lambda column: column + 1)
    with pytest.raises(SubmissionError, match="is refused"):
        check(run, seed=4)


@pytest.mark.parametrize(
    ("table", "column", "why"),
    [
        ("quality", "psnr", "psnr is .*, and its pictures give"),
        ("quality", "l1_hole", "l1_hole is"),
        ("detection", "auc", "auc is .*, and its pictures give"),
        ("detection", "f1", "f1 is"),
        ("detection", "flagged", "flagged is"),
    ],
)
def test_a_better_figure_than_the_pictures_give_is_refused(run: Path, table: str, column: str, why: str) -> None:
    better = {"psnr": lambda v: v + 0.5, "flagged": lambda v: 1 - v}.get(column, lambda v: v * 0.9 + 0.001)
    change(run, table, **{column: better})
    refused(run, why)


def test_a_changed_composite_is_refused(run: Path) -> None:
    path = next((run / "composites" / "telea").glob("*.png"))
    with Image.open(path) as image:
        pixels = np.asarray(image).copy()
    pixels[:8] = 0
    Image.fromarray(pixels).save(path)
    refused(run, "is not the file that was measured")


def test_what_is_missing_is_named(run: Path) -> None:
    path = next((run / "maps" / "telea" / "laplacian").glob("*.png"))
    path.unlink()
    refused(run, "its map is missing or unreadable")
    for shard in (run / "results" / "detection").glob("*.parquet"):
        frame = pq.read_table(shard).to_pandas()
        frame[frame["inpainter"] != "telea"].to_parquet(shard)
    refused(run, r"laplacian on telea: 0 rows of 6")


def test_maps_of_another_inpainter_are_refused(run: Path) -> None:
    mine, theirs = (sorted((run / "maps" / name / "laplacian").glob("*.png")) for name in ("telea", "copy"))
    for a, b in zip(mine, theirs, strict=True):
        a_bytes = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(a_bytes)
    refused(
        run,
        r"laplacian on telea, .*: auc is .*, and its pictures give .* \(\d+ more of its figures differ\)",
        share=0.01,
    )


def test_maps_that_were_not_kept_are_counted(run: Path) -> None:
    change(run, "detection", map=lambda column: column.where(column.index < 0, ""))
    refused(run, r"refused: 12 of 12 maps were not kept; run again with --keep-maps, which makes only them$")


def test_the_terms_have_to_be_known(run: Path) -> None:
    info = json.loads((run / "run.json").read_text())
    for changes, why in (
        ({"protocol": "mine/1"}, "its protocol is 'mine/1', and this SafeBench knows"),
        ({"status": "started"}, r"it is not finished \(status: started\)"),
        ({"photos": {**info["photos"], "fingerprint": "0"}}, "its photos are not those of its fingerprint"),
    ):
        (run / "run.json").write_text(json.dumps({**info, **changes}))
        refused(run, why)


def test_a_table_that_names_a_file_outside_is_refused(run: Path) -> None:
    change(run, "quality", composite=lambda column: column.map(lambda _: "../../etc/hostname"))
    refused(run, "is missing")


def test_a_package_that_was_opened_and_changed_is_refused(run: Path, tmp_path: Path) -> None:
    path, _ = submit(run, tmp_path / "mine.zip", seed=3)
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(bad, "w") as other:
        for name in archive.namelist():
            data = archive.read(name)
            other.writestr(name, data[:-1] + b"x" if name == "samples.parquet" else data)
    with pytest.raises(SubmissionError, match=r"samples\.parquet is not as it was packed"), opened([bad]):
        pass
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(unpacked)
    with opened([unpacked, unpacked]) as found:
        assert len(found) == 1
    change(unpacked, "detection", auc=lambda column: column / 2)
    with pytest.raises(SubmissionError, match=r"detection/.*\.parquet is not as it was packed"), opened([unpacked]):
        pass
    climbing = tmp_path / "climbing.zip"
    with zipfile.ZipFile(climbing, "w") as other:
        other.writestr("../../x", b"x")
    with pytest.raises(SubmissionError, match="climbs out"), opened([climbing]):
        pass
    (tmp_path / "no.zip").write_bytes(b"no zip")
    with pytest.raises(SubmissionError, match="is no submission"), opened([tmp_path / "no.zip"]):
        pass


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": None}, "code not on record: telea"),
        (
            {"code": {"sha256": "0", "package": "safebench", "package_version": "0.1.0"}},
            "other code than installed here",
        ),
        ({"kept": True}, "results of earlier code, kept because their author said"),
    ],
)
def test_what_the_code_on_record_is_worth_is_said(run: Path, changes: dict[str, Any], expected: str) -> None:
    info = json.loads((run / "run.json").read_text())
    info["inpainters"]["telea"] |= changes
    info["inpainters"]["nowhere"] = info["inpainters"]["copy"]
    told = identity_sentence(read_record(json.dumps(info).encode(), "run.json"))
    assert expected in told
    assert "on record, but not installed here: nowhere" in told


def test_a_place_that_cannot_be_written_is_told(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"--out .*mine: is a folder; name the file"):
        submit(run, run)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="file: is a file, not a folder"):
        submit(run, tmp_path / "file" / "mine.zip")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "some/picture.png")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(FileError, match=r"packed\.zip: No space left on device; make room"):
        submit(run, tmp_path / "packed.zip")
    assert not list(tmp_path.glob(".submission-*"))


def test_a_run_without_its_plan_is_no_empty_one(run: Path) -> None:
    (run / "samples.parquet").unlink()
    with pytest.raises(StoreError, match=r"lacks its plan \(samples\.parquet\)"):
        safebench.open_run(run)
