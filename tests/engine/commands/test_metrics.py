"""Metrics beside the default set in a run: what is stored for them, what is made once, and what cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

import safebench
from safebench.errors import PluginError, UnknownNameError
from safebench.metrics import inception
from safebench.metrics.feature import encoded
from safebench.metrics.fid import frechet_distance
from safebench.results.comparing import group
from safebench.results.reporting import write_report
from safebench.results.results import open_run
from safebench.results.submitting import opened, submit
from safebench.results.verifying import verify

OPTIONS: dict[str, Any] = {
    "images": "sample", "size": 64, "limit": 10, "bins": "10-20,40-50", "lpips_net": "squeeze", "keep_maps": True,
    "detectors": ["laplacian"], "inpainters": ["telea"],
}  # fmt: skip
ASKED = ("auc_pooled", "f1_trufor", "ap", "ece", "threshold_from_k", "lpips_hole", "fid", "p_ids", "u_ids")


def features(picture: np.ndarray, network: object = None) -> np.ndarray:
    """In place of a network's: the mean colour of each quarter's quarter."""
    return picture.reshape(4, 16, 4, 16, 3).mean((1, 3)).ravel().astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with a stand-in for Inception, first plain, then with all that is asked for."""
    out = tmp_path_factory.mktemp("runs") / "asked"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_inception", lambda device: object())
        patch.setattr(inception, "inception_features", features)
        safebench.run(out=out, **OPTIONS)
        safebench.run(out=out, metrics=ASKED, **OPTIONS)
    return out


def _read(run: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(run / name))


def test_cells_hold_what_the_stored_evidence_gives(run):
    results = open_run(run)
    samples = results.samples.set_index("sample")
    [quality] = results.quality_cells.query("bin == 'all'").to_dict("records")
    composites = np.stack([features(_read(run, path)) for path in results.quality["composite"]])
    originals = np.stack([features(_read(run, path)) for path in results.samples["original"].unique()])
    assert quality["fid"] == pytest.approx(frechet_distance(composites, originals), rel=1e-6)
    assert 0 <= quality["u_ids"] <= 1
    assert "fid_low" not in quality
    assert quality["lpips_hole"] == pytest.approx(quality["lpips"], abs=1e-6), "known pixels are the original's already"
    seen = results.detection[results.detection["inpainter"] != "original"]
    holes = [_read(run, samples.loc[sample, "mask"]).ravel() > 0 for sample in seen["sample"]]
    maps = [_read(run, path).ravel() for path in seen["map"]]
    [cell] = results.detection_cells.query("bin == 'all'").to_dict("records")
    assert cell["auc_pooled"] == pytest.approx(roc_auc_score(np.concatenate(holes), np.concatenate(maps)), abs=1e-9)
    assert cell["auc_pooled_low"] < cell["auc_pooled"] < cell["auc_pooled_high"]
    assert cell["ap"] == pytest.approx(np.mean([*map(average_precision_score, holes, maps)]), abs=1e-3)
    assert cell["ece_low"] <= cell["ece"] <= cell["ece_high"]
    assert 0 <= cell["threshold_from_k"] <= 1
    assert results.record.config is not None
    assert set(results.record.config.metrics) == set(ASKED)


def test_run_again_it_makes_what_is_missing_alone(run, monkeypatch):
    before = open_run(run)
    files = sorted((run / "features").rglob("*.npz"))
    assert len(files) == 20 + 20 + 10, "of each composite, of each map with a hole, of each original once"
    monkeypatch.setattr(inception, "load_inception", lambda device: object())
    monkeypatch.setattr(inception, "inception_features", features)
    times = {path: path.stat().st_mtime_ns for path in files}
    lost = next((run / "features" / "inception" / "composites").rglob("*.npz"))
    lost.unlink()
    again = safebench.run(out=run, metrics=ASKED, **OPTIONS)
    assert [path for path in files if path.stat().st_mtime_ns != times[path]] == [lost]
    assert again.quality_cells.equals(before.quality_cells)
    assert again.detection_cells.equals(before.detection_cells)


def test_runs_stand_together_and_in_reports_with_them(run, tmp_path):
    results = open_run(run)
    [like] = group([results, open_run(run)])
    merged = like.tables.quality_cells
    assert merged["fid"].equals(results.quality_cells["fid"])
    page = write_report([results], tmp_path / "board", "leaderboard").read_text()
    assert "FID" in page
    assert "AUC, pooled" in page


def test_a_submission_carries_the_features_and_is_held_against_its_maps(run, tmp_path):
    path, _ = submit(run, tmp_path / "run.zip", seed=0)
    with opened([path]) as [received]:
        assert received.detection_cells["auc_pooled"].notna().all()
    histogram = next((run / "features" / "levels").rglob("*.npz"))
    kept = histogram.read_bytes()
    histogram.write_bytes(encoded(np.ones((2, 65536), np.uint32)))
    [problem] = verify(open_run(run), seed=0, share=1.0).problems
    histogram.write_bytes(kept)
    assert "features (levels) are not those of its map" in problem


def test_what_cannot_be_had_is_absent_and_says_why(tmp_path, monkeypatch):
    def missing(device: object) -> object:
        raise PluginError("Inception features need more; install it with: pip install 'safebench[fid]'")

    monkeypatch.setattr(inception, "load_inception", missing)
    few = OPTIONS | {"limit": 2, "detectors": []}
    results = safebench.run(out=tmp_path / "run", metrics=["fid", "lpips_hole"], **few)
    assert "fid" not in results.quality_cells
    assert "lpips_hole" in results.quality_cells
    assert "safebench[fid]" in results.record.metrics_left_out["fid"]
    page = write_report([results.stored], tmp_path / "report", "html").read_text()
    assert "FID is absent" in page
    assert "safebench[fid]" in page


def test_an_unknown_metric_is_told_before_anything_runs(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean fid"):
        safebench.run(out=tmp_path / "run", metrics=["fidd"], **OPTIONS)
    assert not (tmp_path / "run").exists()
