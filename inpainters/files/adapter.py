"""Pictures that were filled elsewhere."""

from __future__ import annotations

from safebench.models.generic.files import FilesInpainter


class Adapter(FilesInpainter):
    """`files:DIR`."""
