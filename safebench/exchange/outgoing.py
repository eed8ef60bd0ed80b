"""What goes out: pictures to be filled or looked at, by name, with a manifest (docs/exchange.md)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from safebench.exchange.finding import FORMAT, MANIFEST
from safebench.exchange.turned import as_it_lies
from safebench.files import atomic_write
from safebench.inputs.images import save_png
from safebench.keys import digest

IMAGES, MASKS, PICTURES = "images", "masks", "pictures"
LIST: Final = "pictures.json"
Hole = Literal["white", "black"]


@dataclass(frozen=True)
class Outgoing:
    """A picture as it goes out.

    An inpainter gets `pixels` (uint8 H x W x 3) and `hole` (bool H x W, True = hole); a detector gets `file`, the
    picture's own bytes, and its `suffix`, as it lies (`turned`).  about: further columns of the manifest.
    """

    name: str
    pixels: NDArray[np.uint8] | None = None
    hole: NDArray[np.bool_] | None = None
    file: bytes = b""
    suffix: str = ".png"
    about: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """sha256 of its name and content."""
        content = hashlib.sha256(self.file)
        for array in (self.pixels, self.hole):
            if array is not None:
                content.update(np.ascontiguousarray(array).tobytes())
        return digest(self.name, content.hexdigest())


def content_name(pixels: NDArray[np.uint8], hole: NDArray[np.bool_] | None = None) -> str:
    """What a picture is called that nobody named: by its pixels, but for what lies in its hole."""
    if hole is None:
        return f"picture-{Outgoing('', pixels).key[:12]}"
    return f"picture-{Outgoing('', np.where(hole[..., None], np.uint8(0), pixels), hole).key[:12]}"


def write_picture(folder: Path, picture: Outgoing, hole: Hole = "white") -> dict[str, str]:
    """Write one picture's files; returns its row of the manifest.

    hole: the mask's colour in the hole, which is black in the picture itself.
    """
    if picture.pixels is None or picture.hole is None:
        file, suffix = as_it_lies(picture.file, picture.suffix)
        place = f"{PICTURES}/{picture.name}{suffix}"
        atomic_write(folder / place, file)
        return {"name": picture.name, "picture": place, **picture.about}
    places = {"image": f"{IMAGES}/{picture.name}.png", "mask": f"{MASKS}/{picture.name}.png"}
    save_png(folder / places["image"], np.where(picture.hole[..., None], np.uint8(0), picture.pixels))
    save_png(folder / places["mask"], picture.hole if hole == "white" else ~picture.hole)
    return {"name": picture.name, **places, **picture.about}


def write_manifest(
    folder: Path, kind: str, rows: Sequence[Mapping[str, str]], about: Mapping[str, object] | None = None
) -> None:
    """Write manifest.csv, manifest.json and for detectors pictures.json, last of all: a folder without is unfinished.

    kind: `inpainters` or `detectors`, those whom the folder is for.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write(folder / "manifest.csv", table.getvalue().encode())
    if kind == "detectors":
        pairs = [[str((folder / row["picture"]).resolve()), "Negative"] for row in rows]
        atomic_write(folder / LIST, json.dumps(pairs, indent=1).encode())
    said = {"format": FORMAT, "for": kind, "count": len(rows), **(about or {})}
    atomic_write(folder / MANIFEST, json.dumps({**said, "pictures": rows}, indent=1).encode())
