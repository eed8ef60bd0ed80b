"""What a zip file may hold: no member that climbs out of its folder, none that claims more than it is."""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath


def members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by name; raises BadZipFile where one would lie outside the archive's own folder."""
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in info.filename.partition("/")[0]:
            raise zipfile.BadZipFile(f"its member {info.filename[:80]!r} climbs out of its folder")
    return {info.filename: info for info in archive.infolist()}
