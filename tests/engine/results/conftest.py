from __future__ import annotations

import pytest

from .stored_rows import detection_rows, quality_rows


@pytest.fixture
def quality():
    return quality_rows()


@pytest.fixture
def detection():
    return detection_rows()
