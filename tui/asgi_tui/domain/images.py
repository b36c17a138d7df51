"""What kind of image some bytes are, and its size in pixels, read from its head."""

from __future__ import annotations

import struct
from dataclasses import dataclass

# Markers of JPEG that begin a frame (ITU-T T.81 B.1.1.3): SOF0 to SOF15 but for DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Image:
    """``width`` and ``height`` are pixels, 0 where its head was cut before they were told."""

    kind: str
    width: int = 0
    height: int = 0


def read_image(data: bytes) -> Image | None:
    """The image that begins with ``data``; None where it is none of PNG, JPEG, GIF and WebP."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Image("PNG", *_unpack(">II", data, 16))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Image("GIF", *_unpack("<HH", data, 6))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Image("WebP", *_webp(data))
    if data.startswith(b"\xff\xd8\xff"):
        return Image("JPEG", *_jpeg(data))
    return None


def _unpack(form: str, data: bytes, at: int) -> tuple[int, int]:
    if len(data) < at + struct.calcsize(form):
        return 0, 0
    first, second = struct.unpack_from(form, data, at)
    return int(first), int(second)


def _webp(data: bytes) -> tuple[int, int]:
    """Its three kinds (RFC 9649): lossy, lossless and extended."""
    match data[12:16]:
        case b"VP8 ":
            width, height = _unpack("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L" if len(data) >= 25:
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(data) >= 30:
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return 0, 0


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = _unpack(">HH", data, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
