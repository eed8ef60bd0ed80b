"""Like is merged with like, and the rest stands apart with a reason.  Runs are made by the reports' maker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from safebench.results.comparing import group
from safebench.results.results import Results
from tests.reports.making import Maker, model, usual_inpainters


@pytest.fixture
def made(tmp_path: Path) -> Any:
    def make(name: str, **changes: Any) -> Results:
        return Maker(tmp_path / name, **changes).write()

    return make


def test_like_runs_are_one_table(made: Any) -> None:
    both = made("both")
    parts = [
        made(name, inpainters={key: usual_inpainters()[key] for key in names})
        for name, names in (("first", ("alpha", "beta")), ("second", ("beta", "gamma", "copy", "noise")))
    ]
    [merged] = group(parts)
    assert [source.label for source in merged.sources] == ["first", "second"]
    assert set(merged.tables.record.inpainters) == set(both.record.inpainters)
    assert len(merged.tables.detection) == len(both.detection)  # beta and the originals are there once
    assert len(merged.tables.quality) == len(both.quality)
    keys = ["inpainter", "detector", "bin"]
    cells = merged.tables.detection_cells.set_index(keys)[["n", "failures"]].sort_index()
    pd.testing.assert_frame_equal(cells, both.detection_cells.set_index(keys)[["n", "failures"]].sort_index())
    of_first = merged.tables.detection.query("inpainter == 'beta'")
    assert set(of_first["run"]) == {"first"}


def test_a_failed_row_yields_to_one_that_went_well(made: Any) -> None:
    failed = made("failed", errors={("alpha", "sharp"): "out of memory"})
    [merged] = group([failed, made("well")])
    assert merged.tables.failures.empty
    assert set(merged.tables.detection.query("inpainter == 'alpha' and detector == 'sharp'")["run"]) == {"well"}


def test_two_models_of_one_name_are_told_apart(made: Any) -> None:
    other = {"alpha": model("alpha", identity="id-other", weights_sha256="d" * 64)}
    [merged] = group([made("one"), made("two", inpainters=other)])
    assert {"alpha (one)", "alpha (two)", "beta"} <= set(merged.tables.record.inpainters)
    assert {"alpha (one)", "alpha (two)"} <= set(merged.tables.quality["inpainter"])
    assert merged.sources[1].names["inpainters"] == {"alpha": "alpha (two)"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protocol": "other/1"}, "protocol (other/1 against safepaint-2024/1)"),
        ({"photos": {"name": "places2", "count": 9, "fingerprint": "x"}}, "photos (places2, 9 against sample, 20)"),
        ({"masks": {"name": "irregular", "fingerprint": "x"}}, "masks (both irregular, of other content)"),
        ({"config": {"size": 128}}, "size (128 pixels against 256 pixels)"),
        ({"lpips_sha256": "x"}, "LPIPS backbone (both squeeze, of other content)"),
    ],
)
def test_what_differs_keeps_runs_apart(made: Any, changes: dict[str, Any], why: str) -> None:
    first, second = group([made("one"), made("two", info=changes)])
    assert second.terms.differences(first.terms) == [why]


def test_local_paths_leave_the_tables(made: Any) -> None:
    named = {"onnx:/home/me/nets/a.onnx": model("a")}
    info = {"config": {"images": "/home/me/my photos", "weights": {"a": "/home/me/a.pt"}}}
    error = {("onnx:/home/me/nets/a.onnx", "sharp"): "/home/me/x.png: cannot be read"}
    [merged] = group([made("one", inpainters=named, info=info, errors=error)])
    rows = merged.tables.detection.drop(columns="key")
    everything = f"{merged.tables.record} {rows.to_csv()} {merged.tables.failures.to_csv()}"
    assert "/home" not in everything
    assert set(merged.tables.quality["inpainter"]) == {"onnx:a.onnx"}
    assert "x.png: cannot be read" in everything
