"""What a detector went on learning from, as its weights say it: by which rows of a run a learning curve is drawn."""

from __future__ import annotations

import msgspec

from safebench.models.specs import ModelSpec
from safebench.models.training_photos import metadata_of

ADAPTED = "adapted"
"""The name of this in a checkpoint's metadata."""


class Adapted(msgspec.Struct, frozen=True, kw_only=True):
    """A detector that has seen an inpainter's pictures (`safebench adapt`).

    detector: what it began as, by its name in the tables.  start: the sha256 of the checkpoint that it began from.
    inpainter: whose pictures it saw, by its name in the tables.  pictures: how many.  steps: for how long it learned.
    """

    detector: str
    start: str
    inpainter: str
    pictures: int
    steps: int

    @property
    def text(self) -> str:
        """As a file's metadata hold it."""
        return msgspec.json.encode(self).decode()


def adapted(spec: ModelSpec) -> Adapted | None:
    """What a model's weights say of what they learned beside; None for others, and for what says it wrongly."""
    checkpoint = spec.checkpoint
    text = metadata_of(checkpoint.path).get(ADAPTED, "") if checkpoint and checkpoint.origin == "user" else ""
    try:
        return msgspec.json.decode(text, type=Adapted) if text else None
    except msgspec.DecodeError:
        return None
