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

LEAST_ROWS = 60
"""Rows of 96 pixels and three channels that torch, with a strip's context, convolves as it does whole pictures: with
fewer its other code for small tensors rounds otherwise, which Noiseprint++'s weights magnify and its levels turn into
other windows.  The strips of a picture over a megapixel lie far above."""


@pytest.mark.parametrize(
    ("name", "files", "rows", "tolerance"),
    [
        ("pscc-net", "pscc_net", 20, 1e-5),
        ("iid-net", "iid_net/IID_weights.pth", 20, 1e-5),
        ("noiseprint", "", LEAST_ROWS, 0),
    ],
)
def test_strips_do_not_change_the_answer(rebuilt, shared, monkeypatch, name, files, rows, tolerance):
    folder, _, file = files.partition("/")
    weights = rebuilt(folder) / file if files else shared / "weights/noiseprint_pp/noiseprint++.th"
    detector = calling.load_detector(name, weights=weights, device="cpu")
    photo = inputs.photos(1, (173, 96))
    whole = calling.detect(detector, photo)
    monkeypatch.setattr(strips, "PIXELS", rows * 96)
    cut = calling.detect(detector, photo)
    np.testing.assert_allclose(cut.maps, whole.maps, atol=tolerance, rtol=0)
    np.testing.assert_allclose(cut.scores, whole.scores, atol=tolerance, rtol=0)


def test_strips_do_not_change_the_noise_residual(rebuilt, monkeypatch):
    network = NoiseprintPP().eval()
    fit(network, load_state(rebuilt("noiseprint_pp") / "noiseprint++.th")["network"], "noiseprint++.th")
    picture = torch.from_numpy(inputs.photos(1, (173, 96))).permute(0, 3, 1, 2) / 256
    with torch.inference_mode():
        whole = network(picture)
        monkeypatch.setattr(strips, "PIXELS", LEAST_ROWS * 96)
        assert len(list(strips.cuts(173, 96))) == 3
        assert torch.equal(network(picture), whole)
