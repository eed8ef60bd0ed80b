"""What SafeBench itself made: a run's pictures must never come back as photos."""

from __future__ import annotations

from pathlib import Path

NOTE = "SafeBench"
"""The keyword of the PNG text that every picture bears which is no photo any more."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_KEYWORD = NOTE.encode("latin-1") + b"\0"


def has_note(path: Path) -> bool:
    """Whether a file is a PNG that bears SafeBench's note; only the heads of its chunks are read."""
    try:
        with path.open("rb") as file:
            if file.read(8) != _SIGNATURE:
                return False
            while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
                start = file.read(len(_KEYWORD)) if head[4:] in _TEXT else b""
                if start == _KEYWORD:
                    return True
                file.seek(int.from_bytes(head[:4], "big") + 4 - len(start), 1)
    except OSError:  # told when it is read
        return False
    return False


def is_own_folder(folder: Path) -> bool:
    """Whether a folder is a run's, a training's, an export's, or a report's with its gallery."""
    if (folder / "manifest.csv").is_file() and (folder / "manifest.json").is_file():
        return (folder / "filled").is_dir() or (folder / "maps").is_dir()
    if (folder / "samples.parquet").is_file():
        return (folder / "run.json").is_file() or (folder / ".lock").is_file()
    if (folder / "log.jsonl").is_file():
        return (folder / "previews").is_dir()
    return (folder / "gallery").is_dir() and _is_report(folder / "index.html")


def own_folder_around(folder: Path) -> Path | None:
    """The folder of SafeBench's own that `folder` is or lies in; None where there is none."""
    place = folder.resolve()
    return next((each for each in (place, *place.parents) if is_own_folder(each)), None)


def _is_report(page: Path) -> bool:
    try:
        with page.open("rb") as file:
            return b"SafeBench" in file.read(2048)
    except OSError:
        return False
