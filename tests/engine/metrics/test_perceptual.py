from __future__ import annotations

import hashlib
import shutil
import socket
import warnings

import lpips
import numpy as np
import pytest
import torch
import torchvision

from safebench.errors import ConfigError, WeightsError
from safebench.metrics import perceptual
from safebench.metrics.perceptual import load_perceptual

CPU = torch.device("cpu")
FILE = "squeezenet1_1-b8a52dc0.pth"


@pytest.fixture
def torch_home(monkeypatch, tmp_path):
    """An empty cache of torch.hub's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("SAFEBENCH_OFFLINE", raising=False)
    return tmp_path


@pytest.fixture
def squeeze(shared, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(shared / "torch-home"))
    return load_perceptual("squeeze", CPU)


def pictures(count):
    generator = np.random.default_rng(0)
    originals = generator.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
    composites = originals.copy()
    composites[:, 16:40, 8:50] = generator.integers(0, 256, (count, 24, 42, 3), dtype=np.uint8)
    return composites, originals


def test_equals_lpips_used_directly(squeeze):
    composites, originals = pictures(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net="squeeze", version="0.1", verbose=False)
    scaled = [torch.from_numpy(x / 127.5 - 1).float().permute(0, 3, 1, 2) for x in (composites, originals)]
    with torch.no_grad():
        expected = network(*scaled).flatten().numpy()
    found = squeeze(composites, originals)
    assert found.dtype == np.float64
    assert found.shape == (3,)
    assert found == pytest.approx(expected, rel=1e-5)
    assert found.min() > 0.01


def test_the_loss_is_the_mean_distance_and_has_a_gradient(squeeze):
    composites, originals = pictures(3)
    painted, photos = (torch.from_numpy(x / 255).float().permute(0, 3, 1, 2) for x in (composites, originals))
    loss = squeeze.loss(painted.requires_grad_(), photos)
    (gradient,) = torch.autograd.grad(loss, painted)
    assert loss.item() == pytest.approx(squeeze(composites, originals).mean(), rel=1e-4)
    assert gradient[:, :, 16:40, 8:50].abs().mean() > 0
    with torch.no_grad():
        assert squeeze.loss(painted - 1e-3 * gradient / gradient.std(), photos) < loss


def test_identical_images_are_at_distance_0(squeeze):
    _, originals = pictures(2)
    assert (squeeze(originals, originals) == 0).all()


def test_a_figure_does_not_depend_on_its_batch(squeeze):
    composites, originals = pictures(4)
    batch = squeeze(composites, originals)
    single = [squeeze(composites[k : k + 1], originals[k : k + 1])[0] for k in range(4)]
    assert batch.tolist() == single


def test_names_its_weights(squeeze, shared):
    file = shared / "torch-home" / "hub" / "checkpoints" / FILE
    assert squeeze.net == "squeeze"
    assert squeeze.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_loads_without_a_word_and_leaves_the_seed_alone(shared, monkeypatch, capfd):
    monkeypatch.setenv("TORCH_HOME", str(shared / "torch-home"))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_perceptual("squeeze", CPU)
    assert torch.equal(torch.rand(3), expected)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_backbone_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match="'resnet' is no backbone of LPIPS; choose one of alex, vgg, squeeze"):
        load_perceptual("resnet", CPU)


def publish_at(monkeypatch, server):
    monkeypatch.setattr(perceptual, "BACKBONES", {"squeeze": f"{server}/{FILE}"})


def files_in(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_without_a_network_it_fails_at_once_and_without_a_word(torch_home, monkeypatch, capfd):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        publish_at(monkeypatch, f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(WeightsError, match=r"no connection.*put the file at .*--lpips-net") as caught:
            load_perceptual("squeeze", CPU)
    assert str(torch_home / "hub" / "checkpoints" / FILE) in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_fetched_where_nothing_may_be(torch_home, monkeypatch, web):
    publish_at(monkeypatch, web.url)
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    with pytest.raises(WeightsError, match="SAFEBENCH_OFFLINE is set; put the file at"):
        load_perceptual("squeeze", CPU)
    assert not web.requests


def test_a_download_with_another_hash_is_refused_and_not_kept(torch_home, monkeypatch, web, page):
    web.pages[f"/{FILE}"] = page(b"not the published file")
    publish_at(monkeypatch, web.url)
    with pytest.raises(WeightsError, match=r"another: its sha256 is [0-9a-f]{64}; put the file at"):
        load_perceptual("squeeze", CPU)
    assert not files_in(torch_home)


def test_a_download_with_the_hash_that_its_name_promises_is_kept(torch_home, monkeypatch, shared, web, page):
    content = (shared / "torch-home" / "hub" / "checkpoints" / FILE).read_bytes()
    name = f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    web.pages[f"/{name}"] = page(content)
    monkeypatch.setattr(perceptual, "BACKBONES", {"squeeze": f"{web.url}/{name}"})
    first = load_perceptual("squeeze", CPU)
    assert load_perceptual("squeeze", CPU).sha256 == first.sha256 == hashlib.sha256(content).hexdigest()
    assert files_in(torch_home) == {name}
    assert len(web.requests) == 1


def put(torch_home):
    path = torch_home / "hub" / "checkpoints" / FILE
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("kept", [0, 10, 100_000, -1])
def test_a_truncated_file_is_refused(torch_home, shared, kept):
    whole = (shared / "torch-home" / "hub" / "checkpoints" / FILE).read_bytes()
    path = put(torch_home)
    path.write_bytes(whole[:kept])
    with pytest.raises(WeightsError) as caught:
        load_perceptual("squeeze", CPU)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [{"classifier.1.weight": torch.zeros(3)}, [torch.zeros(3)], torch.zeros(3), {"features.0.weight": "zeros"}],
    ids=["another network", "a list", "a tensor", "a word"],
)
def test_a_file_that_holds_something_else_is_refused(torch_home, content):
    torch.save(content, put(torch_home))
    with pytest.raises(WeightsError, match=FILE):
        load_perceptual("squeeze", CPU)


def test_a_file_with_a_layer_of_another_shape_is_refused(torch_home, shared):
    state = torch.load(shared / "torch-home" / "hub" / "checkpoints" / FILE, weights_only=True)
    state["features.3.squeeze.weight"] = state["features.3.squeeze.weight"][:, :5]
    torch.save(state, put(torch_home))
    with pytest.raises(WeightsError, match=FILE):
        load_perceptual("squeeze", CPU)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("the checkpoint ran code",))


def test_a_file_cannot_run_code(torch_home):
    torch.save({"features.0.weight": Trap()}, put(torch_home))
    with pytest.raises(WeightsError, match=FILE):
        load_perceptual("squeeze", CPU)


def test_weights_that_lie_in_the_cache_are_not_fetched(torch_home, shared, monkeypatch, web):
    shutil.copy(shared / "torch-home" / "hub" / "checkpoints" / FILE, put(torch_home))
    publish_at(monkeypatch, web.url)
    assert load_perceptual("squeeze", CPU).net == "squeeze"
    assert not web.requests


def test_the_default_backbone_finds_its_layers_in_torchvisions_file(torch_home):
    """With random weights: what the last slice gives is what torchvision's layers in a row give."""
    torch.manual_seed(1)
    features: torch.nn.Sequential = torchvision.models.alexnet().features
    path = torch_home / "hub" / "checkpoints" / perceptual.BACKBONES["alex"].rsplit("/", 1)[-1]
    path.parent.mkdir(parents=True)
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, path)
    backbone: torch.nn.Module = load_perceptual("alex", CPU)._network.net
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(backbone(picture)[-1], features[:-1](picture))
