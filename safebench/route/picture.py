"""A picture: what a detector can be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safebench.protocol import NO_POSTPROCESS, ORIGINAL
from safebench.route.plan import Sample
from safebench.work.tasks import Failure, FileRef


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and all that its rows say of it; an untouched photo is one too, made by nobody.

    sample: the photo and the hole that it was made from; of an untouched photo, any sample of that photo.
    maker, maker_id: who made it, and that model's identity; `original` and "" for an untouched photo.
    assembly: how the maker's output became a picture (docs/protocol.md, 2); "" for an untouched photo.
    file: as its maker left it.  content: the sha256 of that file's bytes; the key of what it is to be made of where it
        is not there yet; of an untouched photo, the photo's key.
    mask: the true mask, at the picture's own size, 255 = hole; None for an untouched photo.
    postprocess: what is done to it before a detector sees it.
    failure: why there is no such picture.
    """

    sample: Sample
    maker: str
    maker_id: str
    assembly: str
    content: str
    file: FileRef
    mask: FileRef | None
    postprocess: str = NO_POSTPROCESS
    failure: Failure | None = None

    @classmethod
    def of_original(cls, sample: Sample, folder: Path, failure: Failure | None) -> Picture:
        """The untouched photo of a sample, in a run's folder."""
        file = FileRef(folder / sample.original)
        return cls(sample, ORIGINAL, "", "", sample.photo_key, file, None, failure=failure)

    def as_stored(self, row: Mapping[str, Any] | None, folder: Path) -> Picture:
        """The picture as its row of the quality table says that it became, in a run's folder; None: there is no row."""
        if row is None:
            return replace(self, failure=Failure("inpaint", "no composite"))
        if row["error"]:
            return replace(self, failure=Failure(row["error_step"], row["error"]))
        return replace(self, content=row["composite_sha256"], file=FileRef(folder / row["composite"]), failure=None)

    @property
    def is_original(self) -> bool:
        """Whether it is an untouched photo, which has no hole to find."""
        return self.maker == ORIGINAL

    @property
    def name(self) -> str:
        """What its rows are called: the sample, or for an untouched photo the photo."""
        return self.sample.photo if self.is_original else self.sample.sample

    @property
    def origin(self) -> str:
        """The key of what it was made from: the sample's, or for an untouched photo the photo's."""
        return self.sample.photo_key if self.is_original else self.sample.key

    def columns(self) -> Mapping[str, str]:
        """What a row of any table says of it."""
        return {
            "sample_key": self.origin,
            "inpainter_id": self.maker_id,
            "sample": self.name,
            "photo": self.sample.photo,
            "dataset": self.sample.dataset,
            "bin": "" if self.is_original else self.sample.bin,
            "inpainter": self.maker,
            "assembly": self.assembly,
        }
