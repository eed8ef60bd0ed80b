"""Detectors that take large pictures by strips answer as if they had seen them whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safebench_detectors._noiseprint_pp import NoiseprintPP

from safebench.models import calling
from safebench.models.toolbox import strips
from safebench.testing import inputs
from safebench.weights.read.checkpoints import fit, load_state


@pytest.mark.parametrize(
    ("name", "files", "tolerance"),
    [("pscc-net", "pscc_net", 1e-5), ("iid-net", "iid_net/IID_weights.pth", 1e-5), ("noiseprint", "", 0.02)],
)
def test_strips_do_not_change_the_answer(rebuilt, shared, monkeypatch, name, files, tolerance):
    """Noiseprint++'s published weights magnify rounding, and its residual is quantised: single windows may differ."""
    folder, _, file = files.partition("/")
    weights = rebuilt(folder) / file if files else shared / "weights/noiseprint_pp/noiseprint++.th"
    detector = calling.load_detector(name, weights=weights, device="cpu")
    photo = inputs.photos(1, (173, 96))
    whole = calling.detect(detector, photo)
    monkeypatch.setattr(strips, "PIXELS", 48 * 40)
    cut = calling.detect(detector, photo)
    np.testing.assert_allclose(cut.maps, whole.maps, atol=tolerance, rtol=0)
    np.testing.assert_allclose(cut.scores, whole.scores, atol=tolerance, rtol=0)


def test_strips_do_not_change_the_noise_residual(rebuilt, monkeypatch):
    network = NoiseprintPP().eval()
    fit(network, load_state(rebuilt("noiseprint_pp") / "noiseprint++.th")["network"], "noiseprint++.th")
    picture = torch.from_numpy(inputs.photos(1, (173, 96))).permute(0, 3, 1, 2) / 256
    with torch.inference_mode():
        whole = network(picture)
        monkeypatch.setattr(strips, "PIXELS", 48 * 40)
        torch.testing.assert_close(network(picture), whole, atol=2e-5, rtol=0)
