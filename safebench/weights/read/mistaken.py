"""What is often given as a checkpoint and is none: a pointer to the file, a web page, an archive, a text."""

from __future__ import annotations

import codecs
from pathlib import Path

from safebench.errors import WeightsError

HEAD = 512
"""Bytes at a file's beginning by which it is known."""
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def check_stands_for_itself(path: Path) -> None:
    """Raise WeightsError where a file is not the one that its name says, but a pointer to it or a web page."""
    if wrong := substitute_in(path):
        raise WeightsError(f"{path}: {wrong}")


def check_holds_numbers(path: Path) -> None:
    """Raise WeightsError where a file is of a kind that holds no network, and say of which, where that is known."""
    head = _head(path)
    if wrong := substitute(head) or _other(head):
        raise WeightsError(f"{path}: {wrong}")


def substitute_in(path: Path) -> str:
    """What a file is in place of the one that was meant (`substitute`); raises WeightsError where it cannot be read."""
    return substitute(_head(path))


def substitute(head: bytes) -> str:
    """What a file that begins with `head` is in place of the one that was meant; empty where it may be the real one."""
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a Git LFS pointer, not the file itself: run git lfs pull where it was cloned"
    if head.startswith((b"/annex/objects/", b"../.git/annex/", b".git/annex/")):
        return "is a git-annex pointer, not the file itself: run git annex get where it was cloned"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")) or (text[:1] == b"<" and b"<html" in text):
        return "is a web page (HTML), not the file itself: fetch it by its own address, not that of a page about it"
    return ""


def _other(head: bytes) -> str:
    """What a file that begins with `head` is, where that is nothing that a network is kept in."""
    if not head:
        return "is empty; fetch it again"
    for magic, kind in _PACKED.items():
        if head.startswith(magic):
            return f"is packed ({kind}): unpack it, and name the file that was in it"
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it, and name the file that was in it"
    if head.startswith(b"\x89HDF\r\n"):
        return "is an HDF5 file (Keras), which is not read: convert it to safetensors, or export the network to ONNX"
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # a letter may be cut at the head's end
    except UnicodeDecodeError:
        return ""
    plain = all(letter.isprintable() or letter.isspace() for letter in text)
    begins = " ".join(text.split())[:60]
    return f"is a text that begins with {begins!r}, no network: fetch it again" if plain and begins else ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None
