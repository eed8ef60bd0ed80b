"""The images of several inpainters together, on which detectors are compared (docs/protocol.md, section 10)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from safebench.protocol import ORIGINAL

POOLED = "all together"
"""What the images of several inpainters together are called in place of an inpainter."""


def pooled_rows(rows: pd.DataFrame, inpainters: Sequence[str]) -> pd.DataFrame:
    """The stored rows of these inpainters as one, `POOLED`; those of untouched originals stay what they are."""
    kept = rows[rows["inpainter"].isin([*inpainters, ORIGINAL])]
    return kept.assign(inpainter=kept["inpainter"].where(kept["inpainter"] == ORIGINAL, POOLED))
