"""Keys: every piece of work has one, made of all that it depends on, so that new weights never meet old results."""

from __future__ import annotations

import hashlib
import json
import re


def digest(*parts: object) -> str:
    """sha256 (hex) of the parts, told apart from one another."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, default=str).encode()).hexdigest()


def slug(text: str, length: int = 40) -> str:
    """A piece of a file name made from any text: letters, digits, `.`, `_` and `-`, at most `length` of them."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:length] or "x"


def plain(name: str) -> str:
    """A name as it is compared: `truFor`, `TruFor`, `tru-for` and `tru_for` are one."""
    return "".join(c for c in name.casefold() if c.isalnum())
