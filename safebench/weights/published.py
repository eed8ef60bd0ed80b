"""What a card says of one published file: its name, where it is, how it is known."""

from __future__ import annotations

import msgspec


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One published file."""

    file: str
    """The published file's own name; so it is called in the cache."""
    sources: tuple[str, ...] = ()
    """In order of trial: `hf://owner/repo/file@revision`, `https://...`, `gdrive://ID`, each with `#member` behind it
    for a member of a zip file, or `package:FILE` for a file that ships beside the card."""
    sha256: str = ""
    """Written only where a source states it; without it the first download's is recorded."""
    archive: str = ""
    """Likewise for the zip file that the sources name a member of: `sha256:...` or `md5:...`."""
    size: int = 0
    """In bytes."""


class HubModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model of the Hugging Face Hub (or a local folder in its layout) consists of."""

    model: str = ""
    """The one that is meant where the user names none: OWNER/MODEL, or OWNER/MODEL@REVISION."""
    beside: dict[str, str] = {}
    """Where that is a part of the model alone: by the name of the folder in which each part is to lie, which at the
    Hub it is."""
    what: str = "pipeline of diffusers"
    holds: tuple[str, ...] = ("model_index.json",)
    """A local folder is such a model where it holds one of these files (patterns)."""
    parts: tuple[str, ...] = ("*.json", "*.txt", "*.model", "*/*.safetensors")
    """The files to fetch: a pipeline's settings, vocabularies and networks (each in a folder of its own)."""
