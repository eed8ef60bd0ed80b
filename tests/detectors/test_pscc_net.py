"""PSCC-Net: the authors' numbers, also on their own heads, and the checkpoints that it takes and refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_detectors.pscc_net import adapter, heads
from safebench_detectors.pscc_net.network import HRNet, resize

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("pscc_net")


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "pscc_net" / "golden_0.npz") as case:
        return {key: torch.from_numpy(case[key]) for key in case}


@pytest.fixture(scope="module")
def features(checkpoint, golden):
    """The backbone's answer on made-up weights."""
    backbone = HRNet().eval()
    fit(backbone, load_state(checkpoint / "HRNet.pth"), "HRNet.pth", prefix="module.")
    with torch.inference_mode():
        return backbone(golden["image"].permute(2, 0, 1)[None] / 255)


@pytest.mark.slow
class TestContract(DetectorContract):
    name = "pscc-net"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(checkpoint, golden):
    model = load_detector("pscc-net", weights=checkpoint, device="cpu")
    found = calling.detect(model, golden["image"].numpy()[None])
    np.testing.assert_allclose(found.maps[0], golden["map"], atol=2e-5, rtol=0)
    np.testing.assert_allclose(found.scores[0], golden["score"], atol=1e-5, rtol=0)


def test_features_and_masks_on_the_way(checkpoint, golden, features):
    for number, feature in enumerate(features, start=1):
        for name in ("mean", "std"):
            actual = getattr(feature[0], name)(dim=(1, 2))
            torch.testing.assert_close(actual, golden[f"feat{number}_{name}"], atol=1e-4, rtol=0)
    localisation = heads.Localisation().eval()
    fit(localisation, load_state(checkpoint / "NLCDetection.pth"), "NLCDetection.pth", prefix="module.")
    with torch.inference_mode():
        for number, mask in enumerate(localisation(heads.squared(features)), start=1):
            torch.testing.assert_close(mask[0, 0], golden[f"mask{number}"], atol=1e-5, rtol=0)


def test_published_heads_on_a_tenth_of_the_made_up_features(shared, golden, features):
    published = shared / "weights" / "pscc_net"
    localisation, detection = heads.Localisation().eval(), heads.Detection().eval()
    fit(localisation, load_state(published / "NLCDetection.pth"), "NLCDetection.pth", prefix="module.")
    fit(detection, load_state(published / "DetectionHead.pth"), "DetectionHead.pth", prefix="module.")
    with torch.inference_mode():
        tenth = heads.squared([0.1 * feature for feature in features])
        for number, mask in enumerate(localisation(tenth), start=1):
            expected = golden[f"published_masklogit{number}"].sigmoid()
            torch.testing.assert_close(mask[0, 0], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(detection(tenth)[0], golden["published_logits"], atol=1e-4, rtol=0)


def test_map_of_a_picture_that_is_not_square_is_the_square_mask_resampled(checkpoint):
    model = load_detector("pscc-net", weights=checkpoint, device="cpu")
    assert isinstance(model, adapter.Adapter)
    images = torch.rand(1, 3, 45, 70, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = model.detect(images)
        mask = model._localisation(heads.squared(model._backbone(images)))[0]
    assert mask.shape == (1, 1, 256, 256)
    torch.testing.assert_close(found.maps, resize(mask, (45, 70))[:, 0])


def test_files_of_other_networks_are_refused(checkpoint: Path, tmp_path: Path):
    for file in ("HRNet.pth", "NLCDetection.pth"):
        shutil.copy(checkpoint / file, tmp_path)
    shutil.copy(checkpoint / "NLCDetection.pth", tmp_path / "DetectionHead.pth")
    with pytest.raises(WeightsError, match=r"DetectionHead.pth: .*missing \(incre_modules.0.0.conv1.weight"):
        load_detector("pscc-net", weights=tmp_path, device="cpu")
    (tmp_path / "DetectionHead.pth").unlink()
    with pytest.raises(WeightsError, match=r"HRNet.pth and NLCDetection.pth and DetectionHead.pth"):
        load_detector("pscc-net", weights=tmp_path, device="cpu")
