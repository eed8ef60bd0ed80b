from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from safebench.errors import WeightsError
from safebench.metrics import inception
from safebench.weights.fetch.downloads import digest


def test_weights_are_read_without_running_code_and_give_the_networks_features(tmp_path, monkeypatch):
    """The published network with made-up weights, in a file as the published one."""
    published = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3", reason="an extra")
    torch.manual_seed(0)
    with monkeypatch.context() as patch:
        patch.setattr(published.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        nothing = io.BytesIO()
        torch.save({}, nothing)
        nothing.seek(0)
        network = published.FeatureExtractorInceptionV3("made up", ["2048"], nothing)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    file = (tmp_path / "weights.pth").rename(tmp_path / f"weights-{digest(tmp_path / 'weights.pth')[:8]}.pth")
    monkeypatch.setattr(inception, "backbone_file", lambda *_: file)
    inception.load_inception.cache_clear()
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    found = inception.inception_features(picture, inception.load_inception(torch.device("cpu")))
    expected = network(torch.from_numpy(picture).permute(2, 0, 1)[None])[0][0].numpy()
    assert found.shape == (2048,)
    assert np.array_equal(found, expected)
    inception.load_inception.cache_clear()
    other = file.rename(tmp_path / "weights-01234567.pth")
    monkeypatch.setattr(inception, "backbone_file", lambda *_: other)
    with pytest.raises(WeightsError, match="is not the published file"):
        inception.load_inception(torch.device("cpu"))


def test_without_weights_it_says_what_to_do(tmp_path, monkeypatch):
    pytest.importorskip("torch_fidelity", reason="an extra")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    with pytest.raises(WeightsError, match="leave fid, p_ids and u_ids out"):
        inception.load_inception(torch.device("cpu"))
