"""Chains of post-processing as people write them."""

from __future__ import annotations

import re
import shutil

import pytest
import torch

from safebench.errors import ConfigError, SafebenchError, UnknownNameError
from safebench.route.chains import Chain, choose_chains, expand, suites

from ..with_plugin import in_python


def chosen(*names: str, seed: int = 0) -> list[Chain]:
    return choose_chains(names, {}, seed)


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("none", "none"),
        ("None", "none"),
        ("jpeg:75", "jpeg:75"),
        ("JPEG:75.0", "jpeg:75"),
        ("resize:0.50+jpeg:90", "resize:0.5+jpeg:90"),
        ("resize:0.5+back", "resize:0.5+back"),
        ("resize:0.5+back+Jpeg:90+blur:3", "resize:0.5+back+jpeg:90+blur:3"),
    ],
)
def test_a_condition_has_one_name_however_it_is_written(written, label):
    assert [chain.label for chain in chosen(written)] == [label]


def test_each_condition_is_met_once():
    assert [chain.label for chain in chosen("jpeg:75", "none", "jpeg:75.0")] == ["jpeg:75", "none"]


def test_a_folder_is_named_shortly_and_told_from_another_of_its_name(tmp_path):
    from safebench.models.toolbox.tiny_autoencoder import TinyAutoencoder

    places = [tmp_path / place / "an autoencoder of a long name" for place in ("a long path/one", "another")]
    for seed, folder in enumerate(places):
        torch.manual_seed(seed)
        network = TinyAutoencoder(4, pooled=False)
        folder.mkdir(parents=True)
        for part in ("encoder", "decoder"):
            torch.save(getattr(network, part).state_dict(), folder / f"made_up_{part}.pth")
    labels = [chain.label for chain in chosen(*(f"vae:{place}" for place in places), f"vae:{places[0]}+jpeg:75")]
    assert len(set(labels)) == 3
    assert labels[2] == f"{labels[0]}+jpeg:75"
    assert all(re.fullmatch(r"vae:an_autoencoder_o@[0-9a-f]{6}", label) for label in labels[:2])
    again = tmp_path / "again" / places[0].name
    shutil.copytree(places[0], again)
    assert [chain.label for chain in chosen(f"vae:{places[0]}", f"vae:{again}")] == labels[:1]  # the same, elsewhere


def test_a_suite_stands_for_its_levels_and_the_picture_as_it_is():
    assert suites()["tgif"] == ("none", "jpeg:80", "jpeg:60", "webp:80", "webp:60")
    assert expand(["none", "TGIF", "jpeg:60"]) == list(suites()["tgif"])
    assert set(suites()) == {"autosplice", "imdl-benco", "pscc-net", "tgif"}
    assert {f"noise:{level}" for level in (3, 7, 11, 15, 19, 23)} < set(suites()["imdl-benco"])
    assert {"jpeg:100", "jpeg:50", "resize:0.78", "resize:0.25", "blur:3", "blur:15", "noise:3", "noise:15"} == set(
        suites()["pscc-net"]
    ) - {"none"}
    assert len(chosen(*suites())) > 20, "every level of every suite can be"


def test_the_order_of_steps_and_the_seed_make_another_condition():
    [a], [b], [c] = chosen("jpeg:75+noise:3"), chosen("noise:3+jpeg:75"), chosen("jpeg:75+noise:3", seed=1)
    assert len({a.identity, b.identity, c.identity}) == 3
    assert chosen("jpeg:75+noise:3")[0].identity == a.identity
    assert Chain().identity == ""


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("jpg:75", UnknownNameError, "'jpg'; did you mean jpeg.*suites: autosplice, imdl-benco"),
        ("jpeg:75+blurr:3", UnknownNameError, "did you mean blur"),
        ("", UnknownNameError, "there are blur, jpeg"),
        ("jpeg", ConfigError, "say which quality"),
        ("jpeg:75+bak", ConfigError, r"'\+bak' is neither a post-processing nor a word"),
        ("resize:0.5+none", ConfigError, "'none' stands alone"),
        ("vae", SafebenchError, "say which model"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(name, error, says):
    with pytest.raises(error, match=says):
        chosen(name)


def test_a_third_partys_post_processing_is_a_step_like_ours(plugin, tmp_path):
    """A detector that meets the mirror image of every picture finds the mirror image of its hole."""
    result = in_python(
        plugin,
        """
        import numpy as np, safebench
        from safebench.results.verifying import verify
        results = safebench.run(
            inpainters=["telea"], detectors=["laplacian"], limit=2, size=64, bins="40-50",
            postprocess=["none", "flip", "flip+flip", "flip+jpeg:90"], out="run", keep_maps=True,
        )
        aucs = results.detection.query("inpainter == 'telea'").pivot(
            index=["sample", "detector"], columns="postprocess", values="auc"
        )
        assert sorted(aucs) == ["flip", "flip+flip", "flip+jpeg:90", "none"] and aucs.notna().all(axis=None)
        assert (aucs["none"] == aucs["flip+flip"]).all(), "turned twice, a picture is what it was"
        assert (abs(aucs["none"] - aucs["flip"]) < 0.1).all(), "its mask turned with it"
        assert not verify(results.stored, seed=0).problems
        step = results.record.postprocessing["flip"].steps["flip"]
        assert (step.code.package, step.code.package_version) == ("safebench-fake", "0.0.1")
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr
