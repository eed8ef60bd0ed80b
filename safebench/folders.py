"""Where SafeBench keeps what it fetched or computed once."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Where checkpoints and indexes are kept: $SAFEBENCH_CACHE, or the system's folder for caches."""
    named = os.environ.get("SAFEBENCH_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("safebench", appauthor=False))
