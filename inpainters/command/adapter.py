"""An inpainter that is a command in an environment of its own."""

from __future__ import annotations

from safebench.models.generic.command import CommandInpainter


class Adapter(CommandInpainter):
    """`command:FILE.toml`."""
