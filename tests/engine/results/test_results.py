"""Opening a run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import safebench
from safebench.errors import ConfigError, StoreError


@pytest.mark.parametrize(
    ("folder", "error", "says"),
    [
        (5, ConfigError, "5: is no path"),
        ("~nobody-of-this-name/run", ConfigError, "no such home folder"),
        (Path("no-such-run"), StoreError, "no-such-run"),
    ],
)
def test_what_is_no_run_is_told_in_a_sentence(folder, error, says):
    with pytest.raises(error, match=says):
        safebench.open_run(folder)
