"""What people hand to a loaded model: the right kind passes unchanged, any other is refused in a sentence."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import safebench
from safebench.errors import InputError, ModelError
from safebench.models import calling
from safebench.models.cards import parse_card
from safebench.models.contracts import Detection, Detector
from safebench.models.door import guarded
from safebench.models.specs import participant
from safebench.testing import inputs

PHOTOS, HOLES = inputs.photos(2, (64, 72)), inputs.holes(2, (64, 72))
IMAGES = torch.from_numpy(PHOTOS).permute(0, 3, 1, 2).float() / 255
MASKS = torch.from_numpy(HOLES).float()[:, None]

WRONG_IMAGES: dict[str, Any] = {
    r"that are not in \[0, 1\] \(they run from 0 to 255\): divide them by 255": (IMAGES > 0.5) * 255.0,
    r"that are not in \[0, 1\] \(they run from -1 to 1\)": (IMAGES > 0.5) * 2.0 - 1,
    r"of the shape 3 x 64 x 72": IMAGES[0],
    r"of the shape 2 x 64 x 72 x 3": IMAGES.permute(0, 2, 3, 1),
    r"of the shape 2 x 1 x 64 x 72": IMAGES[:, :1],
    r"of the shape 0 x 3 x 64 x 72": IMAGES[:0],
    r"of the type torch\.uint8": (IMAGES * 255).byte(),
    r"of the type torch\.float64": IMAGES.double(),
    r"of the type torch\.float16": IMAGES.half(),
    r"with NaN or infinite values": torch.where(MASKS == 1, torch.tensor(float("nan")), IMAGES),
    r"as numpy\.ndarray, no tensor": PHOTOS,
    r"on meta, but it was loaded on cpu": IMAGES.to("meta"),
}
WRONG_MASKS: dict[str, Any] = {
    r"with other values than 0 and 1 \(they run from 0 to 255\): threshold them": MASKS * 255,
    r"with other values than 0 and 1": MASKS * 0.5,
    r"of the shape 2 x 64 x 72": MASKS[:, 0],
    r"of the shape 2 x 3 x 64 x 72": MASKS.expand(-1, 3, -1, -1),
    r"of the shape 1 x 1 x 64 x 72 for images of 2 x 3 x 64 x 72": MASKS[:1],
    r"of the shape 2 x 1 x 72 x 64 for images": MASKS.mT,
    r"of the type torch\.bool": MASKS.bool(),
    r"of the type torch\.int64": MASKS.long(),
    r"with NaN": MASKS * float("nan"),
}


@pytest.mark.parametrize("said", WRONG_IMAGES)
def test_images_of_another_range_shape_or_type_are_refused(said: str) -> None:
    detector, inpainter = safebench.load_detector("splicebuster"), safebench.load_inpainter("telea")
    takes = r".*; it takes images as float32, B x 3 x H x W, RGB in \[0, 1\]$"
    with pytest.raises(InputError, match=f"^splicebuster was given images {said}{takes}"):
        detector.detect(WRONG_IMAGES[said])
    with pytest.raises(InputError, match=f"^telea was given images {said}{takes}"):
        inpainter.inpaint(WRONG_IMAGES[said], MASKS)


@pytest.mark.parametrize("said", WRONG_MASKS)
def test_masks_of_another_range_shape_or_type_are_refused(said: str) -> None:
    inpainter = safebench.load_inpainter("telea")
    takes = ".*; it takes masks as float32, B x 1 x H x W, 1 = hole, 0 = known$"
    with pytest.raises(InputError, match=f"^telea was given masks {said}{takes}"):
        inpainter.inpaint(IMAGES, masks=WRONG_MASKS[said])


@pytest.mark.parametrize("name", ["telea", "noise", "copy"])
def test_the_answer_is_that_of_a_run(name: str) -> None:
    """Also where the caller left the photo under the hole; the control that has to see it still does."""
    model = safebench.load_inpainter(name)
    expected = torch.from_numpy(calling.inpaint(model, PHOTOS, HOLES)).permute(0, 3, 1, 2)
    before = IMAGES.clone()
    assert torch.equal(model.inpaint(images=IMAGES, masks=MASKS), expected)
    assert torch.equal(IMAGES, before)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin.inpaint(IMAGES, MASKS), expected)
        with pytest.raises(InputError):
            twin.inpaint(IMAGES, MASKS * 255)


def test_detectors_answer_as_in_a_run() -> None:
    model = safebench.load_detector("laplacian")
    np.testing.assert_array_equal(model.detect(IMAGES).maps.numpy(), calling.detect(model, PHOTOS).maps)


def test_sizes_are_those_of_the_card() -> None:
    with pytest.raises(ModelError, match="splicebuster takes at least 64 pixels a side, not 72x63"):
        safebench.load_detector("splicebuster").detect(IMAGES[..., :63, :])


def test_a_runs_own_models_are_not_checked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine makes its inputs itself: its models keep their methods, so that nothing is measured twice."""
    model = participant("inpainters", "telea").load_inpainter("cpu")
    assert "inpaint" not in vars(model)
    assert type(safebench.load_inpainter("telea")) is type(model)


class Sizes(Detector):
    """A third party's detector that reads files."""

    def detect(self, images: Tensor) -> Detection:
        raise AssertionError("pixels were handed over")

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        return Detection(torch.stack([torch.full((2, 2), min(1.0, path.stat().st_size / 100)) for path in paths]))


def test_a_detector_of_files_takes_paths_and_names_missing_ones(tmp_path: Path) -> None:
    text = 'name = "sizes"\ntitle = "T"\nsummary = "S"\nfamily = "blind"\n[input]\nreads = "files"'
    model: Any = guarded(Sizes(parse_card(text, "x")))
    (tmp_path / "a.png").write_bytes(bytes(50))
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert model.detect_files([path]).maps.unique() == 0.5
    with pytest.raises(InputError, match=r"sizes was given .*none\.png, and there is no such file"):
        model.detect_files([tmp_path / "none.png"])


def test_weights_are_a_path_or_a_text(tmp_path: Path) -> None:
    class Bright(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.mean(1, keepdim=True)

    file = tmp_path / "net.pt"
    torch.jit.script(Bright()).save(str(file))
    for weights in (file, str(file)):
        assert safebench.load_detector("torchscript", weights=weights).detect(IMAGES).maps.shape == (2, 64, 72)
