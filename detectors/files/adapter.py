"""Maps that were made elsewhere."""

from __future__ import annotations

from safebench.models.generic.files import FilesDetector


class Adapter(FilesDetector):
    """`files:DIR`."""
