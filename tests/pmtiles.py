"""A small PMTiles of version 3, written by its specification: one tile of zoom 0."""

import gzip
import json
import struct
import zlib
from pathlib import Path


def paint_tile(colour: tuple[int, int, int], size: int = 256) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * size) * size
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_pmtiles(  # noqa: PLR0913  what a header holds
    path: Path,
    tile: bytes,
    *,
    kind: int = 2,
    attribution: str = "",
    version: int = 3,
    packing: int = 2,
) -> Path:
    """`kind`: 1 MVT, 2 PNG; `packing`: of directories and metadata, 2 gzip."""

    def varint(number: int) -> bytes:
        return (
            bytes([number & 0x7F | 0x80]) + varint(number >> 7)
            if number > 0x7F
            else bytes([number])
        )

    entry = (1, 0, 1, len(tile), 1)  # entries; then id, run, length and offset + 1 of it
    root = gzip.compress(b"".join(varint(number) for number in entry), mtime=0)
    metadata = gzip.compress(json.dumps({"attribution": attribution}).encode(), mtime=0)
    begin = 127 + len(root)
    after = begin + len(metadata)
    offsets = (127, len(root), begin, len(metadata), after, 0, after, len(tile))
    header = b"PMTiles" + bytes([version]) + struct.pack("<8Q3Q", *offsets, 1, 1, 1)
    header += struct.pack("<6B", 1, packing, 1, kind, 0, 0)
    header += struct.pack(
        "<4iB2i", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000, 0, 0, 0
    )
    path.write_bytes(header + root + metadata + tile)
    return path
