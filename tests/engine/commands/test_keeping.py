"""A model whose code changes between two runs: its old results are not shown as if they were the new code's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import safebench
from safebench.errors import SafebenchError
from safebench.inputs.images import read_photo
from safebench.metrics import perceptual
from safebench.models.specs import ModelSpec
from safebench.work.watching import Silent

from ..installed import Plugin, as_a_new_process

FLAT = "flat_plugin/flat"


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, sentence: str) -> None:
        if not sentence.startswith("LPIPS"):
            self.said.append(sentence)


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path / "site")


Run = Callable[..., tuple[safebench.Results, Notes]]


def _no_backbone(*_: object) -> None:
    raise SafebenchError("LPIPS has no part in these tests")


@pytest.fixture
def run(plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(perceptual, "load_perceptual", _no_backbone)

    def runs(**more: Any) -> tuple[safebench.Results, Notes]:
        notes = Notes()
        options: dict[str, Any] = {"inpainters": ["flat"], "limit": 1, "bins": "10-20", "size": 64, **more}
        with as_a_new_process(plugin.site):
            return safebench.run(out=tmp_path / "run", watcher=notes, **options), notes

    return runs


def _gray(results: safebench.Results) -> int:
    """The level that fills the hole of the only composite."""
    (row,) = results.quality.to_dict("records")
    filled = read_photo(results.folder / row["composite"])
    mask = read_photo(results.folder / results.samples["mask"].iloc[0])
    (level,) = np.unique(filled[mask > 0])
    return int(level)


def test_a_changed_constant_never_meets_the_old_results(run: Run, plugin: Plugin) -> None:
    assert _gray(run()[0]) == 64
    plugin.replace("flat_plugin/_shades.py", "0.25", "0.5")
    results, notes = run()
    assert _gray(results) == 128
    (said,) = [sentence for sentence in notes.said if "code" in sentence]
    assert said.startswith("flat: its code has changed since its results in this folder were made (flat-plugin 0.1, ")
    assert "they are made anew" in said
    assert "--keep-results" in said
    plugin.replace("flat_plugin/_shades.py", "0.5", "0.25")
    results, notes = run()
    assert _gray(results) == 64
    assert not notes.said, "what the first code made is at hand"


def test_a_plugins_new_version_never_meets_the_old_results(run: Run, plugin: Plugin) -> None:
    run()
    plugin.set_version("0.2")
    results, notes = run()
    assert "flat-plugin 0.1, code" in notes.said[0]
    assert "flat-plugin 0.2, code" in notes.said[0]
    assert len(results.quality) == 1
    told = json.loads((results.folder / "run.json").read_text())["inpainters"]["flat"]
    assert told["code"]["package_version"] == "0.2"
    assert len(told["code"]["sha256"]) == 64


def test_a_comment_keeps_a_week_of_work(run: Run, plugin: Plugin) -> None:
    first, _ = run()
    plugin.replace(f"{FLAT}/adapter.py", '"""One gray for every hole."""', '"""Gray."""  # for every hole')
    again, notes = run()
    assert not notes.said
    assert again.quality.equals(first.quality)


def test_results_are_kept_where_the_user_says_so_and_stay_kept(run: Run, plugin: Plugin) -> None:
    first, _ = run()
    plugin.replace("flat_plugin/_shades.py", "0.25", "2 / 8")
    kept, notes = run(keep_results=True)
    (said,) = notes.said
    assert said.startswith("flat: results of other code than today's are kept, as --keep-results said (flat-plugin 0.1")
    kept, notes = run()
    assert kept.quality["psnr"].tolist() == first.quality["psnr"].tolist()
    (said,) = notes.said
    assert "are kept" in said
    more, _ = run(limit=2)
    assert len(more.quality) == 2
    assert more.quality["inpainter_id"].nunique() == 1
    plugin.replace("flat_plugin/_shades.py", "2 / 8", "3 / 4")
    results, notes = run()
    assert _gray(results) == 191
    assert "its code has changed" in notes.said[0]


def test_results_can_still_be_kept_after_a_run_that_began_anew(run: Run, plugin: Plugin, tmp_path: Path) -> None:
    first, _ = run(limit=2)
    plugin.replace("flat_plugin/_shades.py", "0.25", "1 / 4")
    run(limit=1)  # the new code has made fewer
    kept, notes = run(limit=2, keep_results=True)
    assert "are kept" in notes.said[0]
    assert kept.quality["inpainter_id"].tolist() == first.quality["inpainter_id"].tolist()


def test_other_weights_or_another_card_version_are_never_kept(run: Run, plugin: Plugin) -> None:
    first, _ = run()
    plugin.replace(f"{FLAT}/card.toml", 'name = "flat"', 'name = "flat"\nversion = "2"')
    results, notes = run(keep_results=True)
    assert "--keep-results cannot keep its results" in notes.said[0]
    assert set(results.quality["inpainter_id"]).isdisjoint(first.quality["inpainter_id"])


def test_a_run_from_before_code_was_on_record_opens_and_is_made_anew_or_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(ModelSpec, "identity", property(lambda who: who.settings))
        old, _ = run(detectors=["laplacian"])
    record = old.folder / "run.json"
    info = json.loads(record.read_text())
    for kind in ("inpainters", "detectors"):
        for model in info[kind].values():
            for name in ("settings", "code", "kept", "kept_from", "earlier"):
                del model[name]
    record.write_text(json.dumps(info))
    assert safebench.open_run(old.folder).quality.equals(old.quality)
    anew, notes = run(detectors=["laplacian"])
    assert [sentence.split(":")[0] for sentence in notes.said] == ["flat", "laplacian"]
    assert all("not on record; they are made anew" in sentence for sentence in notes.said)
    assert anew.detection["score"].tolist() == old.detection["score"].tolist()
    assert set(anew.detection["detector_id"]).isdisjoint(old.detection["detector_id"])
    record.write_text(json.dumps(info))
    kept, notes = run(detectors=["laplacian"], keep_results=True)
    assert all("are kept" in sentence for sentence in notes.said)
    assert kept.detection.equals(old.detection)
