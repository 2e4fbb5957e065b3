"""PMTiles: a pyramid of map tiles in one file; what its header and metadata say (version 3)."""

import io
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, read_file, read_json

SUFFIX = ".pmtiles"
_HEADER = 127  # bytes
_KINDS = {
    1: "vector",
    2: "raster",
    3: "raster",
    4: "raster",
    5: "raster",
}  # MVT; PNG, JPEG, WebP, AVIF
_PACKINGS = {1: "none", 2: "gzip", 3: "brotli", 4: "zstd"}
_USABLE = {1, 2}  # by the browsers' library
_MOST_METADATA = 4 * 2**20  # bytes
_TAG = re.compile(r"<[^>]*>")


class PmtilesError(TerritoryError):
    """A file is no PMTiles that browsers can show: says which, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Pmtiles:
    """`kind`: vector or raster. `layers`: of vector tiles; `mark` changes with the file."""

    path: Path
    kind: str
    low: int
    high: int
    bounds: tuple[float, float, float, float]
    attribution: str
    layers: Sequence[str]
    mark: str


def find_file(folder: Path, name: str) -> Path:
    """The file of that name in the instance's folder. Raises PmtilesError: outside, or none."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise PmtilesError("{name!r} lies outside the instance's folder {folder}", name, folder)
    if not path.is_file():
        raise PmtilesError("there is no file {path}", path)
    return path


def read_pmtiles(folder: Path, name: str) -> Pmtiles:
    """What the file says of itself. Raises PmtilesError."""
    path = find_file(folder, name)
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise PmtilesError("{path} cannot be read: {error}", path, error.strerror) from error


@lru_cache(maxsize=4)
def _read(path: Path, changed: int, size: int) -> Pmtiles:
    with path.open("rb") as file:
        header = file.read(_HEADER)
        if header[:7] != b"PMTiles" or len(header) < _HEADER:
            raise PmtilesError("{path} is no PMTiles file", path)
        if header[7] != 3:
            raise PmtilesError(
                "{path} is of version {version}: `pmtiles convert` makes version 3", path, header[7]
            )
        offsets = struct.unpack_from("<8Q", header, 8)
        packed, tiles_packed, tile_kind, low, high = struct.unpack_from("<5B", header, 97)
        places = struct.unpack_from("<4i", header, 102)
        if tile_kind not in _KINDS:
            raise PmtilesError("{path}: tiles of an unknown kind", path)
        for packing in (packed, tiles_packed):
            if packing not in _USABLE:
                raise PmtilesError(
                    "{path} is packed with {packing}; browsers take gzip or none",
                    path,
                    _PACKINGS.get(packing, packing),
                )
        if any(begin + length > size for begin, length in zip(*[iter(offsets)] * 2, strict=True)):
            raise PmtilesError("{path} is cut short: copy it again", path)
        file.seek(offsets[2])
        metadata = _read_metadata(file.read(min(offsets[3], _MOST_METADATA)), packed)
    layers = metadata.get("vector_layers")
    return Pmtiles(
        path=path,
        kind=_KINDS[tile_kind],
        low=low,
        high=high,
        bounds=tuple(place / 1e7 for place in places),
        attribution=_TAG.sub("", str(metadata.get("attribution") or "")),
        layers=[str(layer["id"]) for layer in layers if isinstance(layer, dict) and "id" in layer]
        if isinstance(layers, list)
        else [],
        mark=f"{changed:x}-{size:x}",
    )


def _read_metadata(data: bytes, packed: int) -> dict[str, Any]:
    """The metadata; empty if they cannot be read: tiles do without."""
    try:
        content = read_json(read_file(io.BytesIO(data), _MOST_METADATA) if packed == 2 else data)
    except ForeignError:
        return {}
    return content if isinstance(content, dict) else {}
