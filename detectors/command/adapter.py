"""A detector that is a command in an environment of its own."""

from __future__ import annotations

from safebench.models.generic.command import CommandDetector


class Adapter(CommandDetector):
    """`command:FILE.toml`."""
