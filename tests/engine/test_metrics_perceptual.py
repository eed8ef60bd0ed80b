from __future__ import annotations

import hashlib
import http.server
import shutil
import socket
import threading
import time
import warnings

import lpips
import numpy as np
import pytest
import torch

from safebench.errors import ConfigError, WeightsError
from safebench.metrics import perceptual
from safebench.metrics.perceptual import load_perceptual

CPU = torch.device("cpu")
FILE = "squeezenet1_1-b8a52dc0.pth"


@pytest.fixture
def torch_home(monkeypatch, tmp_path):
    """An empty cache of torch.hub's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
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


def serve(monkeypatch, address):
    url = f"http://127.0.0.1:{address[1]}/{FILE}"
    monkeypatch.setattr(perceptual, "BACKBONES", {"squeeze": url})


def test_without_a_network_it_fails_at_once_and_without_a_word(torch_home, monkeypatch, capfd):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        serve(monkeypatch, closed.getsockname())
        with pytest.raises(WeightsError, match=r"could not be fetched .*put the file at .*--lpips-net") as caught:
            load_perceptual("squeeze", CPU)
    assert str(torch_home / "hub" / "checkpoints" / FILE) in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_server_that_does_not_answer_is_given_up(torch_home, monkeypatch):
    monkeypatch.setattr(perceptual, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        serve(monkeypatch, silent.getsockname())
        start = time.monotonic()
        with pytest.raises(WeightsError, match="timed out"):
            load_perceptual("squeeze", CPU)
        assert time.monotonic() - start < 5
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("answer", [b"not the published file", b""])
def test_a_download_with_another_hash_is_refused_and_not_kept(torch_home, monkeypatch, capfd, answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        serve(monkeypatch, server.server_address)
        with pytest.raises(WeightsError, match="invalid hash value"):
            load_perceptual("squeeze", CPU)
    finally:
        server.shutdown()
        server.server_close()
    assert not [path for path in torch_home.rglob("*") if path.is_file()]
    assert capfd.readouterr() == ("", "")


def put(torch_home):
    path = torch_home / "hub" / "checkpoints" / FILE
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("kept", [0, 10, 100_000, -1])
def test_a_truncated_file_is_refused(torch_home, shared, kept):
    whole = (shared / "torch-home" / "hub" / "checkpoints" / FILE).read_bytes()
    path = put(torch_home)
    path.write_bytes(whole[:kept])
    with pytest.raises(WeightsError, match="damaged or holds another network") as caught:
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
    with pytest.raises(WeightsError, match="damaged or holds another network"):
        load_perceptual("squeeze", CPU)


def test_a_file_with_a_layer_of_another_shape_is_refused(torch_home, shared):
    state = torch.load(shared / "torch-home" / "hub" / "checkpoints" / FILE, weights_only=True)
    state["features.3.squeeze.weight"] = state["features.3.squeeze.weight"][:, :5]
    torch.save(state, put(torch_home))
    with pytest.raises(WeightsError, match="damaged or holds another network"):
        load_perceptual("squeeze", CPU)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("the checkpoint ran code",))


def test_a_file_cannot_run_code(torch_home):
    torch.save({"features.0.weight": Trap()}, put(torch_home))
    with pytest.raises(WeightsError, match="damaged or holds another network"):
        load_perceptual("squeeze", CPU)


def test_weights_that_lie_in_the_cache_are_not_fetched(torch_home, shared, monkeypatch):
    shutil.copy(shared / "torch-home" / "hub" / "checkpoints" / FILE, put(torch_home))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("fetched again"))
    assert load_perceptual("squeeze", CPU).net == "squeeze"
