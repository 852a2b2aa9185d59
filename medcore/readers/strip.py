"""PNG and JPEG files cut down to the parts that draw the picture, which is quicker and smaller than coding it anew."""

import re
import struct
import zlib

_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
_DRAWS = frozenset([0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xDA, 0xDB, 0xDC, 0xDD])  # SOF, DHT, SOS, DQT, DNL, DRI
_AFTER_SCAN = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")


def jpeg(content: bytes) -> bytes | None:
    """The frame, its tables and its scans. None where that can't be told apart with certainty.

    Of the application segments, what says how colours are coded is written anew (JFIF, Adobe); EXIF, thumbnails,
    profiles, comments and whatever follows the picture go.
    """
    out, at = [b"\xff\xd8"], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xD9:
            return b"".join([*out, b"\xff\xd9"])
        (length,) = struct.unpack_from(">H", content, at + 2)
        segment = content[at : at + 2 + length]
        if marker in _DRAWS:
            out.append(segment)
        elif marker == 0xE0 and segment[4:9] == b"JFIF\0":
            out.append(_JFIF)
        elif marker == 0xEE and segment[4:9] == b"Adobe" and len(segment) >= 16:
            out.append(_ADOBE + segment[15:16])
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            return None
        at += 2 + length
        if marker == 0xDA:
            end = _AFTER_SCAN.search(content, at)
            if end is None:
                return None
            out.append(content[at : end.start()])
            at = end.start()
    return b"".join([*out, b"\xff\xd9"]) if content[at : at + 2] == b"\xff\xd9" else None


def png(content: bytes) -> bytes | None:
    """Header and pixels of a plain grey or colour PNG; None for any other, and where more is packed than the pixels."""
    width, height, depth, colour, _method, _filter, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    if colour not in (0, 2) or depth not in (8, 16) or interlaced:
        return None
    packed, at = [], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        name = content[at + 4 : at + 8]
        if name == b"IDAT":
            packed.append(content[at + 8 : at + 8 + length])
        elif name == b"tRNS":
            return None
        at += 12 + length
    need = height * (1 + width * (3 if colour == 2 else 1) * depth // 8)
    stream = b"".join(packed)
    inflater = zlib.decompressobj()
    if len(inflater.decompress(stream, need + 1)) != need or inflater.decompress(inflater.unconsumed_tail, 1):
        return None
    if not inflater.eof or inflater.unused_data:
        return None
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", content[16:29]) + _chunk(b"IDAT", stream) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
