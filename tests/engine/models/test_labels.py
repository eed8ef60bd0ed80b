"""Names of a user's own for models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import safebench
from safebench.errors import ConfigError
from safebench.models.labels import LONGEST, check_label, check_told_apart, split_label
from safebench.models.specs import choose, named_file, participant

OPTIONS: dict[str, Any] = {"images": "sample", "size": 64, "limit": 1, "bins": "20-30", "lpips_net": "squeeze"}
HOSTILE = [
    "", " ", "a/b", "a\\b", "../up", "..", ".hidden", "a:b", "a+b", "<b>x</b>", "a&b", '"a"', "a\nb", "a\x00b", "-x",
    "a ", "$(x)", "{{x}}", "\\input", "a,b", "a%b", "x" * (LONGEST + 1), "\u202eabc", "original", "None", "ALL", "___",
]  # fmt: skip


class Half(nn.Module):
    """Fills with gray."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image + mask / 2


def test_a_label_stands_before_the_model():
    assert split_label("mine=torchscript:a=b.pt") == ("mine", "torchscript:a=b.pt")
    assert split_label("torchscript:a=b.pt") == ("", "torchscript:a=b.pt")
    assert split_label("lama") == ("", "lama")
    assert split_label("x=lama") == ("x", "lama")


@pytest.mark.parametrize("name", ["=telea", " =torchscript:a.pt"])
def test_a_label_that_is_empty_is_told(name, tmp_path):
    with pytest.raises(ConfigError, match="no name stands before the equals sign"):
        safebench.run(inpainters=[name], out=tmp_path / "r", **OPTIONS)


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_names_are_refused(label):
    with pytest.raises(ConfigError, match="cannot be the name of a model"):
        check_label("inpainters", label, "telea")


@pytest.mark.parametrize("label", ["photoshop", "Photoshop 25.1", "mein_Netz", "網絡", "v2", "SDXL-turbo"])
def test_names_as_people_give_them(label):
    check_label("inpainters", label, "telea")


def test_a_label_does_not_pass_for_another_model():
    with pytest.raises(ConfigError, match="lama is another one"):
        check_label("inpainters", "Big_LaMa", "telea")
    check_label("inpainters", "lama", "lama")


def test_two_models_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="two models are called Mine"):
        check_told_apart(["mine=telea", "Mine=copy"])
    check_told_apart(["mine=telea", "mine=telea", "copy", "copy"])
    with pytest.raises(ConfigError, match="two models are called mine"):
        safebench.run(inpainters=["mine=telea", "mine=copy"], out=tmp_path / "r", **OPTIONS)
    with pytest.raises(ConfigError, match="two inpainters are called mine"):
        choose("inpainters", ["mine=telea", "mine=copy"], {}, 0)


def test_a_label_is_the_model_in_every_table(tmp_path):
    file = tmp_path / "net.pt"
    torch.jit.script(Half()).save(str(file))
    names = [f"mine={'torchscript'}:{file}", f"torchscript:{file}"]
    run = safebench.run(inpainters=names, detectors=["edge=laplacian"], out=tmp_path / "r", **OPTIONS)
    assert not len(run.failures)
    assert set(run.quality["inpainter"]) == {"mine", f"torchscript:{file}"}
    assert set(run.detection["detector"]) == {"edge"}
    assert set(run.quality_cells["inpainter"]) == {"mine", f"torchscript:{file}"}
    assert run.record.inpainters["mine"].name == "torchscript"
    assert run.quality["psnr"].nunique() == 1
    assert run.detection["auc"].dropna().nunique() == 1


def test_weights_are_given_by_label():
    files = {"a": "1.pth", "lama": "2.pth"}
    assert str(named_file("inpainters", "a=lama", files)) == "1.pth"
    assert str(named_file("inpainters", "b=lama", files)) == "2.pth"


def test_a_variant_takes_its_own_file_before_the_names():
    files = {"aot-gan": "1.pth", "AOT:RWSA": "2.pth"}
    assert str(named_file("inpainters", "aot-gan:rwsa", files)) == "2.pth"
    assert [str(named_file("inpainters", name, files)) for name in ("aot-gan", "aot-gan:celeba")] == ["1.pth"] * 2
    assert named_file("inpainters", "aot-gan", {"aot-gan:rwsa": "2.pth"}) is None


def test_without_a_label_an_identity_is_what_it_was():
    spec = participant("inpainters", "telea")
    assert spec.label == "telea"
    assert participant("inpainters", "mine=telea").identity != spec.identity
