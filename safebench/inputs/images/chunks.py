"""What a PNG file holds beside its pixels: text and a colour profile of any size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from PIL.PngImagePlugin import MAX_TEXT_CHUNK

_START = 8
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_PROFILE = b"iCCP"
_LARGEST_PROFILE = 64 << 20


def without_large_text(data: bytes) -> bytes:
    """A PNG file without the texts and the profile that are more than Pillow reads; most are returned as they are."""
    large = [(start, end) for kind, start, end in _chunks(data) if _is_large(kind, data[start + 8 : end - 4])]
    for start, end in reversed(large):
        data = data[:start] + data[end:]
    return data


def profile_of_png(data: bytes) -> bytes | None:
    """The ICC profile of a PNG file; None where there is none, or a damaged one."""
    body = next((data[start + 8 : end - 4] for kind, start, end in _chunks(data) if kind == _PROFILE), b"")
    _, _, packed = body.partition(b"\0")
    return _unpacked(packed[1:], _LARGEST_PROFILE) or None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of each chunk, its head and its checksum among it."""
    place = _START
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        yield data[place + 4 : place + 8], place, end
        place = end


def _is_large(kind: bytes, body: bytes) -> bool:
    if kind not in _TEXT and kind != _PROFILE:
        return False
    if len(body) > MAX_TEXT_CHUNK:
        return True
    keyword, _, rest = body.partition(b"\0")
    if kind == b"iTXt":
        packed = rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""
    else:
        packed = b"" if kind == b"tEXt" else rest[1:]
    return len(keyword) + len(_unpacked(packed, MAX_TEXT_CHUNK + 1)) > MAX_TEXT_CHUNK


def _unpacked(packed: bytes, most: int) -> bytes:
    """Up to so many bytes of what was packed by zlib; none of what is damaged."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error:
        return b""
