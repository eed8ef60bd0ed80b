"""The list of metrics, and somebody else's metrics beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from safebench.errors import PluginError, UnknownNameError
from safebench.metrics.auc import AUC
from safebench.metrics.catalogue import BUILT_IN, DEFAULT, chosen, measure, measured, stored
from safebench.metrics.evidence import MapEvidence
from safebench.metrics.f1 import F1

from ..with_plugin import in_python


def test_keys_and_columns_are_told_apart():
    assert len({m.key for m in BUILT_IN}) == len(BUILT_IN)
    shared = {m.column for m in BUILT_IN if m.column != m.key}
    assert shared.isdisjoint({m.key for m in BUILT_IN})
    assert all(m.meaning.endswith(".") for m in BUILT_IN)


def test_a_plain_run_measures_the_default_set():
    assert chosen(()) == DEFAULT
    assert list(stored(DEFAULT, quality=True)) == ["psnr", "ssim", "lpips", "l1", "psnr_hole", "l1_hole"]


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean f1_best"):
        chosen(["f1_bset"])
    assert measured(["a_package_that_is_gone"]) == DEFAULT, "what was measured long ago may be unknown here"


@pytest.mark.parametrize("key", ["", "F1", "f1-best", "2nd", "a b"])
def test_a_key_that_no_table_can_hold_is_refused(key):
    with pytest.raises(PluginError, match="lower-case"):
        replace(F1, key=key, column="")


def test_what_an_original_has_no_hole_for_is_nan():
    found = measure(DEFAULT[6:8], MapEvidence(np.zeros((4, 4), np.float32), None, 0.3))
    assert set(found) == {"auc", "f1"}
    assert np.isnan(list(found.values())).all()


def test_each_view_has_its_direction():
    assert (AUC.better_for("inpainter"), AUC.better_for("detector")) == ("low", "high")
    [psnr] = [m for m in DEFAULT if m.key == "psnr"]
    assert (psnr.better_for("inpainter"), psnr.better_for("detector")) == ("high", "")
    assert AUC.trace(0.3) == pytest.approx(0.7)


def test_a_third_partys_metrics_are_in_every_table_and_leave_an_old_run_readable(plugin, tmp_path):
    """A run without them is made first: asked for, they are measured, and without the package it opens all the same."""
    options = {
        "inpainters": ["telea"], "detectors": ["laplacian"], "limit": 2, "size": 64, "bins": "40-50",
        "keep_maps": True, "out": "run", "lpips_net": "squeeze",
    }  # fmt: skip
    result = in_python(
        plugin,
        f"""
        import numpy as np, safebench
        from safebench.results.reporting import write_report
        from safebench.results.verifying import verify
        options = {options!r}
        plain = safebench.run(**options)
        found = safebench.run(metrics=["map_peak", "score_spread"], **options)
        assert plain.detection.equals(found.detection[plain.detection.columns])
        for rows in (found.detection, found.originals):
            assert rows["map_peak"].between(0, 1).all(), "it needs no hole"
        [cell] = found.detection_cells.query("bin == 'all'").to_dict("records")
        inpainted = found.detection
        assert cell["map_peak"] == inpainted["map_peak"].mean() and cell["map_peak_low"] <= cell["map_peak_high"]
        assert cell["score_spread"] == np.ptp(inpainted["score"]) and "score_spread_low" not in cell
        assert not verify(found.stored, seed=0).problems
        for form in ("html", "leaderboard", "csv", "latex"):
            page = write_report([found.stored], out := found.folder.parent / form, form)
            texts = [p.read_text() for p in out.rglob("*") if p.suffix in (".html", ".csv", ".tex")]
            assert any("Peak" in text or "map_peak" in text for text in texts), form
            assert any("Spread" in text or "score_spread" in text for text in texts), form
        again = safebench.run(**options)
        assert again.detection["map_peak"].notna().all(), "what was measured is kept"
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "'no-metric'" in result.stderr
    assert "its key is taken" in result.stderr
    without = in_python(
        tmp_path,
        """
        from safebench.results.results import open_run
        run = open_run("run")
        assert "map_peak" in run.detection and "map_peak" not in run.detection_cells
        """,
        tmp_path,
    )
    assert without.returncode == 0, without.stderr
