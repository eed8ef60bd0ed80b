"""The networks of a table that are trained here: equally, gone on with, and refused before anything is spent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safebench.commands.reproduce_training import Network, Training, plan_trainings
from safebench.errors import ConfigError, SafebenchError, StoreError, WeightsError
from safebench.models import registry
from safebench.work.watching import Silent
from tests.forking import run_forked

SMALL = {"batch_size": "2", "validate_every": "2", "validation_photos": "2", "tags": "a,b"}
NETWORKS = (Network("narrow", "mean-fill", {"channels": "2"}), Network("wide+", "mean-fill", {"channels": "3"}))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for k in range(6):
        small = Image.fromarray(generator.integers(0, 256, (6, 8, 3), np.uint8))
        small.resize((48, 40), Image.Resampling.BICUBIC).save(folder / f"{k}.png")
    return str(folder)


@pytest.fixture
def recipes(plugin: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(plugin))
    registry.refresh()
    yield
    registry.refresh()


def training(photos: str, **changed) -> Training:
    options = {"steps": 2, "seeds": (1, 2), "resolution": 32, "settings": SMALL, "device": "cpu"}
    return Training(**{"images": [photos], **options, **changed})


def train_all(networks, options: Training, folder: Path):
    """The products, why some have none, and what is said of the others."""
    trainings = plan_trainings(networks, options, folder)
    return trainings.run(Silent()), trainings.reasons, trainings.sentence


def test_every_network_is_trained_alike_once_a_seed(recipes, photos, tmp_path):
    products, reasons, sentence = train_all(NETWORKS, training(photos), tmp_path)
    assert {label: len(files) for label, files in products.items()} == {"narrow": 2, "wide+": 2}
    contents = {path.read_bytes() for files in products.values() for path in files}
    assert len(contents) == 4
    for files in products.values():
        settings = [(path.parent / "mean-fill.md").read_text() for path in files]
        assert ["seed 1" in settings[0], "seed 2" in settings[1]] == [True, True]
    assert reasons == {}
    assert "2 steps of batches of 2 at 32 x 32 pixels" in sentence
    assert "seeds 1, 2" in sentence
    first = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again, _, _ = train_all(NETWORKS, training(photos), tmp_path)
    assert again == products
    assert {path: path.stat().st_mtime_ns for path in first} == first, "what is trained is not trained again"
    more, _, _ = train_all(NETWORKS, training(photos, seeds=(1, 2, 5)), tmp_path)
    assert more["narrow"][:2] == products["narrow"]
    assert all(path.read_bytes() in contents for path in more["narrow"][:2])
    with pytest.raises(StoreError, match="has made 2 steps already, more than the 1 that are asked for"):
        train_all(NETWORKS, training(photos, steps=1), tmp_path)


def test_a_network_without_a_recipe_is_a_reason_and_not_the_end(recipes, photos, tmp_path):
    networks = (*NETWORKS[:1], Network("other", "nobody", {}))
    products, reasons, _ = train_all(networks, training(photos, seeds=(0,)), tmp_path)
    assert set(products) == {"narrow"}
    assert "no recipe is called 'nobody'" in reasons["other"]
    with pytest.raises(ConfigError, match="no recipe is called 'nobody'"):
        train_all(networks[1:], training(photos), tmp_path)
    with pytest.raises(ConfigError, match="the table has no network that can be trained"):
        train_all((), training(photos), tmp_path)


WRONG = [
    ({"seeds": (1, 1)}, ConfigError, "--seeds: .*each once"),
    ({"settings": {"channels": "8"}}, ConfigError, "--set channels=.*tells the table's rows apart"),
    ({"settings": {"steps": "8"}}, ConfigError, "--set steps=.*not to be chosen here"),
    ({"settings": {"chanels": "8"}}, ConfigError, "--set chanels=.*no such option; there are .*rate"),
    ({"settings": {"rate": "fast"}}, ConfigError, "--rate fast: has to be a number"),
    ({"steps": 0}, ConfigError, "--steps 0: has to be at least 1"),
    ({"resolution": 8}, ConfigError, "--resolution 8: has to lie between"),
    ({"images": ["nowhere/at-all"]}, SafebenchError, "nowhere/at-all"),
]


@pytest.mark.parametrize(("changed", "error", "told"), WRONG)
def test_what_cannot_be_is_told_before_the_first_step(recipes, photos, tmp_path, changed, error, told):
    with pytest.raises(error, match=told):
        train_all(NETWORKS, training(photos, **changed), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_backbone_that_is_missing_is_told_before_others_are_trained(recipes, photos, tmp_path, monkeypatch):
    recipe = registry.find("recipes", "mean-fill")[0].load_class()

    def prepare(self, device):
        if self.config.channels == 3:
            raise WeightsError("VGG-19 is not at hand")

    monkeypatch.setattr(recipe, "prepare", prepare)
    with pytest.raises(WeightsError, match=r"wide\+: VGG-19 is not at hand"):
        train_all(NETWORKS, training(photos), tmp_path)
    assert list(tmp_path.iterdir()) == []


KILLED = """
import json, sys
from pathlib import Path
from safebench.commands.reproduce_training import Network, Training, plan_trainings
from safebench.work.watching import Silent

networks = [Network("narrow", "mean-fill", {"channels": "2"}), Network("wide", "mean-fill", {"channels": "3"})]
plan_trainings(networks, Training(**json.loads(sys.argv[1])), Path(sys.argv[2])).run(Silent())
"""


def test_killed_it_goes_on_where_it_was(plugin, photos, tmp_path):
    options = {"images": [photos], "steps": 4, "seeds": [0], "resolution": 32, "settings": SMALL, "device": "cpu"}
    killed, whole = str(tmp_path / "killed"), str(tmp_path / "whole")
    # the third step of each training comes once: what is gone on with has two left
    statuses = []
    for folder, killed_at in ((whole, "0"), *[(killed, "3")] * 3):
        environment = {"PYTHONPATH": str(plugin), "OMP_NUM_THREADS": "1", "MEAN_FILL_IS_KILLED_AT": killed_at}
        done = run_forked(KILLED, tmp_path, environment, ["-c", json.dumps(options), folder])
        statuses.append(done.returncode)
    assert statuses == [0, -9, -9, 0], done.stderr
    products = [sorted(Path(folder).rglob("*.safetensors")) for folder in (killed, whole)]
    assert len(products[0]) == 2
    for one, other in zip(*products, strict=True):
        assert one.read_bytes() == other.read_bytes()
