"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photos, weights and golden results beside the checkout; skips where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared material beside the checkout ({SHARED.name}/), which a clone does not have")
    return SHARED
