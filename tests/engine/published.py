"""A made-up network's card and the bytes of its checkpoint, as the tests of downloads and weights publish them."""

from __future__ import annotations

import hashlib
from pathlib import Path

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()
CARD = """
name = "paper-net"
aliases = ["pn"]
title = "T"
summary = "S"
family = "network"
upstream = "https://authors.example/paper-net"
"""


def left(target: Path) -> list[str]:
    """What lies in the target's folder."""
    return sorted(p.name for p in target.parent.iterdir())
