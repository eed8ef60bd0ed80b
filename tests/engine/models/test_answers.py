"""A folder of answers as a model: what its results depend on, picture by picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safebench.errors import ConfigError, ExchangeError
from safebench.models.specs import ModelSpec, participant


def maps(folder: Path, *names: str) -> ModelSpec:
    for k, name in enumerate(names):
        np.save(folder / f"{name}.npy", np.full((4, 4), k / 8))
    return participant("detectors", f"files:{folder}")


def test_an_answer_counts_by_its_own_bytes(tmp_path):
    before = maps(tmp_path, "a", "b")
    assert before.answer("c") == ("missing",)
    np.save(tmp_path / "b.npy", np.ones((4, 4)))
    np.save(tmp_path / "c.npy", np.ones((4, 4)))
    after = participant("detectors", f"files:{tmp_path}")
    assert after.identity == before.identity
    assert after.answer("a") == before.answer("a")
    assert after.answer("b") != before.answer("b")
    assert after.answer("c") != ("missing",)
    assert after.checkpoint
    assert before.checkpoint
    assert after.checkpoint.sha256 != before.checkpoint.sha256, "run.json tells which answers it were"


def test_a_score_is_part_of_its_answer_and_its_kind_of_all(tmp_path):
    plain = maps(tmp_path, "a", "b")
    (tmp_path / "scores.csv").write_text("name,score\na,0.5\nb,0.5\n")
    scored = participant("detectors", f"files:{tmp_path}")
    assert scored.identity != plain.identity
    (tmp_path / "scores.csv").write_text("name,score\na,0.5\nb,0.75\n")
    other = participant("detectors", f"files:{tmp_path}")
    assert other.identity == scored.identity
    assert other.answer("a") == scored.answer("a")
    assert other.answer("b") != scored.answer("b")


def test_how_maps_are_read_is_part_of_all(tmp_path):
    plain = maps(tmp_path, "a")
    (tmp_path / "exchange.toml").write_text("inverted = true")
    assert participant("detectors", f"files:{tmp_path}").identity != plain.identity
    (tmp_path / "exchange.toml").write_text("inverse = true")
    with pytest.raises(ConfigError, match=r"exchange\.toml: .*inverse"):
        participant("detectors", f"files:{tmp_path}")


@pytest.mark.parametrize("change", ["other", "gone", "new"])
def test_an_answer_that_changes_during_a_run_makes_no_row(tmp_path, change):
    spec = maps(tmp_path, "a", "b")
    spec.check_unchanged(["a", "b"])
    if change == "other":
        np.save(tmp_path / "b.npy", np.ones((4, 4)))
    elif change == "gone":
        (tmp_path / "b.npy").unlink()
    else:
        spec = participant("detectors", f"files:{tmp_path}")
        np.save(tmp_path / "c.npy", np.ones((4, 4)))
    spec.check_unchanged(["a"])
    with pytest.raises(ExchangeError, match="run again"):
        spec.check_unchanged(["a", {"new": "c"}.get(change, "b")])
