"""Photos that show the same are one, whatever they are called and however they were saved."""

from __future__ import annotations

import numpy as np
from PIL import Image

from safebench.inputs.photos import open_photos
from safebench.inputs.photos.copies import different


def scene(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)


def test_of_copies_the_largest_takes_part_and_each_other_is_told(tmp_path):
    scene(0).save(tmp_path / "c-original.png")
    scene(0).save(tmp_path / "d-again.png")
    scene(0).save(tmp_path / "a-compressed.jpg", quality=50)
    scene(0).resize((160, 120), Image.Resampling.LANCZOS).save(tmp_path / "b-small.png")
    scene(1).save(tmp_path / "e-other.png")
    Image.new("RGB", (1, 1)).save(tmp_path / "f-dot.png")
    read: list[int] = []
    notes: list[str] = []
    kept = different(open_photos(str(tmp_path)).photos(), read.append, notes.append)
    assert sum(read) == 6
    largest = {"c-original.png", "a-compressed.jpg"} & set(kept.values())
    assert len(largest) == 1, "which of the two of one size, its pixels decide"
    assert set(kept.values()) == {*largest, "e-other.png"}
    told = "\n".join(notes)
    assert "d-again.png: has the same pixels as c-original.png, and is left out" in told
    assert f"b-small.png: shows the same photo as {largest.pop()} (saved anew: compressed or resized)" in told
    assert "f-dot.png: cannot be used as a photo" in told
    assert len(notes) == 4


def test_of_nothing_there_is_nothing():
    assert different([], lambda count: None, lambda sentence: None) == {}
