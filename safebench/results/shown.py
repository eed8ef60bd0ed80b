"""What a detector was shown, made again from a run's own evidence: the stored picture and the chain on record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.errors import SafebenchError, SubmissionError
from safebench.inputs.images import read_mask
from safebench.models.masked_image import MaskedImage
from safebench.protocol import NO_POSTPROCESS
from safebench.results.results import Results
from safebench.route.chains import choose_chains
from safebench.route.postprocess import Postprocessor
from safebench.runs import provenance
from safebench.runs.record import ModelRecord

_CODECS = ("pillow", "opencv-contrib-python-headless", "numpy")
"""The packages whose versions decide the bytes of a post-processed picture."""
Hole = NDArray[np.bool_]


class ShownAgain:
    """The post-processed pictures of one run.

    A picture that was kept has to be the file that its row's sha256 says.  A chain that any machine repeats is applied
    again to the picture it started from: that gives the mask as it moved along, and, where the code and the packages
    that write files are those of the run, has to give the same sha256.  Of other chains every picture has to be kept,
    with its mask where that moved.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self.not_compared: set[str] = set()
        """Chains whose pictures could be made again here, but not compared bit by bit."""
        self._again = cache(self._load)

    def mask(self, row: Mapping[str, Any], picture: Path, hole: Hole) -> Hole:
        """The mask that was true of what the detector was shown.

        row: of the detection table.  picture, hole: as they were before post-processing.
        Raises SubmissionError, with what is wrong, where the evidence is missing or is not what the row says.
        """
        label = str(row["postprocess"])
        if label == NO_POSTPROCESS:
            return hole
        record = self._results.record.postprocessing.get(label)
        if record is None:
            raise SubmissionError(f"run.json does not say what the post-processing {label} is")
        if row["picture"]:
            self._check_kept(row)
        if record.repeatable:
            return self._repeated(row, record, picture, hole)
        if not row["picture"]:
            raise SubmissionError(f"its picture after {label} was not kept; run again, which makes only such pictures")
        moved = (self._results.folder / row["picture"]).with_suffix(".mask.png")
        return read_mask(moved) if moved.is_file() else hole

    def _check_kept(self, row: Mapping[str, Any]) -> None:
        path = (self._results.folder / row["picture"]).resolve()
        if not path.is_relative_to(self._results.folder.resolve()) or not path.is_file():
            raise SubmissionError(f"{row['picture']}: is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != row["picture_sha256"]:
            raise SubmissionError(f"{row['picture']}: is not the file that the detector was shown")

    def _repeated(self, row: Mapping[str, Any], record: ModelRecord, picture: Path, hole: Hole) -> Hole:
        label = str(row["postprocess"])
        try:
            postprocess, identity = self._again(label)
            image = postprocess(label, MaskedImage.of_file(picture.read_bytes(), picture, hole))
        except (SafebenchError, OSError) as error:
            raise SubmissionError(f"its picture after {label} cannot be made again: {error}") from None
        if identity != record.identity or not self._same_codecs:
            self.not_compared.add(label)
        elif hashlib.sha256(image.file).hexdigest() != row["picture_sha256"]:
            raise SubmissionError(f"its picture after {label} is not the one that the detector was shown")
        if image.mask is None:
            raise AssertionError("a picture with a mask keeps it")
        return image.mask

    def _load(self, label: str) -> tuple[Postprocessor, str]:
        config = self._results.record.config
        [chain] = choose_chains([label], {}, config.seed if config else 0)
        return Postprocessor({label: chain}, "cpu"), chain.identity

    @cached_property
    def _same_codecs(self) -> bool:
        then, now = self._results.record.versions, provenance.versions()
        return all(then.get(name) == now[name] for name in _CODECS)
