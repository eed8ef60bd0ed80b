"""Whether the compressed pixels of a JPEG or WebP file are whole.

A decoder fills what is missing, or makes pixels of what was written over them, and at most warns.  Two things give it
away: the decoder's account of the compressed data does not come out even, or there is text among them.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import NoReturn

import simplejpeg
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from safebench.inputs.images.levels import UnreadableError

_DAMAGED = re.compile(
    r"premature end|extraneous bytes before marker|bad (Huffman|arithmetic) code|instead of RST", re.IGNORECASE
)
"""libjpeg's warnings of its compressed data; the others are of headers that do not matter."""
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_PADDING = re.compile(rb"\0+\xff\xd9")
_AHEAD = 16
"""A decoder may have taken in so many bytes more than it used."""

_MARKER = re.compile(rb"\xff([^\0\xff])", re.DOTALL)
_END_OF_SCAN = re.compile(rb"\xff[^\0\xd0-\xd7\xff]", re.DOTALL)
_WITHOUT_LENGTH = (1, *range(0xD0, 0xD9))
_END, _SCAN = 0xD9, 0xDA

_LONGEST_TEXT = 32
"""Compressed data look random: among 10^13 stretches so long, one is of letters, digits and signs alone."""
_FEWEST_LETTERS = 10
"""Flat areas repeat a few bytes, which may be letters; text has more of them."""
_PRINTABLE = bytes(int(32 <= k < 127 or k in (9, 10, 13)) for k in range(256))


def check_jpeg(data: bytes) -> None:
    """Raises UnreadableError for a JPEG file whose compressed pixels are not whole, though its decoder took them."""
    if any(_has_text(data, start, end) for start, end in _scans(data)):
        _refuse("there is text among its pixels")
    try:  # an eighth of the size, gray: all data have to be taken in, and little is computed
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        warning = str(error)
        if _DAMAGED.search(warning) and not _is_padded(data, warning):
            _refuse(f"its pixels end early or are not what was written ({warning})")


def check_webp(data: bytes) -> None:
    """Likewise for a WebP file: one that can do without its last bytes is not the file that was written."""
    for kind, start, end in _chunks(data):
        if kind in (b"VP8 ", b"VP8L"):
            if _has_text(data, start, end):
                _refuse("there is text among its pixels")
            if _decodes(kind, data[start : end - _AHEAD]):
                _refuse("its pixels end early or are not what was written")


def _refuse(why: str) -> NoReturn:
    raise UnreadableError(f"it is damaged: {why}")


def _scans(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the compressed data of each scan of a JPEG file begin and end."""
    place = 2
    while (marker := _MARKER.search(data, place)) and marker[1][0] != _END:
        place = marker.end()
        if marker[1][0] in _WITHOUT_LENGTH:
            continue
        place += int.from_bytes(data[place : place + 2], "big")
        if marker[1][0] == _SCAN:
            match = _END_OF_SCAN.search(data, place)
            end = match.start() if match else len(data)
            yield place, end
            place = end


def _is_padded(data: bytes, warning: str) -> bool:
    """Whether what is too much is zeros behind whole pixels; filled up with zeros, a file has them among its pixels."""
    found = _EXTRANEOUS.search(warning)
    if not found:
        return False
    many = int(found[1])
    return any(many <= len(match[0]) - 2 <= many + _AHEAD for match in _PADDING.finditer(data))


def _has_text(data: bytes, start: int, end: int) -> bool:
    printable = data[start:end].translate(_PRINTABLE)
    place = 0
    while (place := printable.find(b"\1" * _LONGEST_TEXT, place)) >= 0:
        stop = printable.find(b"\0", place)
        text = data[start + place : end if stop < 0 else start + stop]
        if len(set(text)) >= _FEWEST_LETTERS:
            return True
        place += len(text)
    return False


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the chunks of a WebP file."""
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        yield data[place : place + 4], place + 8, place + 8 + size
        place += 8 + size + size % 2


def _decodes(kind: bytes, pixels: bytes) -> bool:
    """Whether a WebP file of one chunk can be decoded."""
    body = b"WEBP" + kind + struct.pack("<I", len(pixels)) + pixels + b"\0" * (len(pixels) % 2)
    try:
        WebPImageFile(io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)).load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True
