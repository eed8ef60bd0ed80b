"""Options from the command line, from a suite file and from Python: what they become, and what is told where not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safebench.errors import ConfigError
from safebench.runs.config import make_config
from safebench.runs.options import as_argument, as_flag


def test_a_path_may_be_a_path_wherever_it_stands(tmp_path):
    given = {"images": tmp_path / "a", "masks": tmp_path / "b", "out": tmp_path / "c", "storage": tmp_path / "d"}
    config = make_config({"inpainters": ["x"], "weights": {"x": tmp_path / "e"}, "engine": "ray", **given})
    assert (config.images, config.masks) == (str(tmp_path / "a"), str(tmp_path / "b"))
    assert (config.out, config.storage) == (str(tmp_path / "c"), str(tmp_path / "d"))
    assert config.weights == {"x": str(tmp_path / "e")}


@pytest.mark.parametrize(
    ("option", "flag", "argument", "wanted"),
    [
        ({"lpips_net": "squeze"}, "--lpips-net squeze", "lpips_net='squeze'", "alex, vgg or squeeze"),
        ({"precision": "half"}, "--precision half", "precision='half'", "fp32 or bf16"),
        ({"limit": "few"}, "--limit few", "limit='few'", "has to be a whole number"),
        ({"batch_size": "big"}, "--batch-size big", "batch_size='big'", "has to be a whole number or auto"),
        ({"detectors": "x"}, "--detectors x", "detectors='x'", "has to be a list of texts, in [brackets]"),
        ({"limit": 0}, "--limit 0", "limit=0", "has to be at least 1"),
        ({"seed": -1}, "--seed -1", "seed=-1", "has to be 0 or more"),
        ({"seed": 2**63}, f"--seed {2**63}", f"seed={2**63}", "has to be less than 2^63"),
        ({"size": 8}, "--size 8", "size=8", "has to lie between 32 and 4096 pixels"),
    ],
)
def test_what_cannot_be_is_told_as_it_was_written(tmp_path, option, flag, argument, wanted):
    for said, written in ((as_flag, flag), (as_argument, argument)):
        with pytest.raises(ConfigError) as error:
            make_config({"inpainters": ["telea"], **option}, said=said)
        assert str(error.value) == f"{written}: {wanted}"
    suite = tmp_path / "suite.toml"
    [(name, value)] = option.items()
    toml = f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
    suite.write_text(f'inpainters = ["telea"]\n{toml}\n')
    with pytest.raises(ConfigError) as error:
        make_config({}, suite)
    assert str(error.value) == f"{suite}: {toml}: {wanted}"


@pytest.mark.parametrize("name", ["images", "masks", "out"])
def test_no_path_at_all_is_not_the_current_folder(name):
    with pytest.raises(ConfigError, match=f"^--{name}: is empty"):
        make_config({"inpainters": ["telea"], name: ""})


@pytest.mark.parametrize(
    ("key", "meant"), [("inpainter", "inpainters"), ("keep_map", "keep_maps"), ("lpips", "lpips_net"), ("bin", "bins")]
)
def test_a_key_that_is_nearly_one_is_told_which(tmp_path, key, meant):
    (tmp_path / "suite.toml").write_text(f'"{key}" = "x"\n')
    with pytest.raises(ConfigError, match=rf"suite\.toml: {key} = .*did you mean {meant}"):
        make_config({}, tmp_path / "suite.toml")


@pytest.mark.parametrize("key", ["lpips-net", "lpips_net"])
def test_keys_are_taken_in_both_spellings(tmp_path, key):
    (tmp_path / "suite.toml").write_text(f'inpainters = ["telea"]\n{key} = "vgg"\n[slurm]\nslurm-partition = "a"\n')
    config = make_config({"engine": "slurm"}, tmp_path / "suite.toml")
    assert (config.lpips_net, config.slurm) == ("vgg", {"slurm-partition": "a"})


def test_a_key_in_both_spellings_at_once_is_refused(tmp_path):
    (tmp_path / "suite.toml").write_text('lpips-net = "vgg"\nlpips_net = "alex"\n')
    with pytest.raises(ConfigError, match="lpips-net and lpips_net are the same option"):
        make_config({}, tmp_path / "suite.toml")


@pytest.mark.parametrize("content", [b"a = ", b"[" * 5000, b"\xff\xfea\0", b'a = "\xe9"'])
def test_a_file_that_is_no_toml_is_told(tmp_path, content):
    (tmp_path / "suite.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"suite\.toml: "):
        make_config({}, tmp_path / "suite.toml")


def test_a_folder_is_no_suite(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        make_config({}, Path(tmp_path))


def test_a_whole_number_of_numpys_is_one():
    config = make_config({"inpainters": ["x"], "size": np.int64(64), "seed": np.uint8(3)})
    assert (config.size, type(config.size), config.seed) == (64, int, 3)


def test_a_list_is_told_as_it_was_written(tmp_path):
    both = ["spliced", "regenerated"]
    options = {"pictures": "x", "detectors": ["laplacian"]}
    with pytest.raises(ConfigError, match="--assembly spliced,regenerated: means nothing beside"):
        make_config({**options, "assembly": both})
    suite = tmp_path / "s.toml"
    suite.write_text('pictures = "x"\ndetectors = ["laplacian"]\nassembly = ["spliced", "regenerated"]\n')
    with pytest.raises(ConfigError, match=r'assembly = \["spliced", "regenerated"\]: means nothing'):
        make_config({}, suite)
