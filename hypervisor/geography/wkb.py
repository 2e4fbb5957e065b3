"""Geometries of GeoPackages: well-known binary behind a header (OGC 12-128)."""

import struct
from dataclasses import dataclass

import numpy as np

from hypervisor.geography.lambert93 import Positions
from sensors._errors import MessageError

Parts = list[list[Positions]]  # of polygons their rings, outer first; of lines the line alone

_ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}  # bytes
_LINE, _POLYGON, _LINES, _POLYGONS, _COLLECTION = 2, 3, 5, 6, 7
_NAMES = {1: "Point", 4: "MultiPoint", _COLLECTION: "GeometryCollection"}
_MULTIPLE = {_LINES, _POLYGONS, _COLLECTION}
_WITH_Z, _WITH_M, _WITH_SRID = 0x8000_0000, 0x4000_0000, 0x2000_0000


class WkbError(MessageError, ValueError):
    """A geometry cannot be read; the message says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Lines or polygons as they stand in a file."""

    kind: str  # LineString or Polygon
    parts: Parts


def read_envelope(blob: bytes) -> tuple[float, float, float, float] | None:
    """Min x, max x, min y, max y as the header says; None: it does not, or the shape is empty."""
    if len(blob) < 40 or blob[:2] != b"GP" or not (blob[3] >> 1) & 7 or blob[3] & 0x10:
        return None
    low_x, high_x, low_y, high_y = struct.unpack_from("<4d" if blob[3] & 1 else ">4d", blob, 8)
    return low_x, high_x, low_y, high_y


def parse_geopackage(blob: bytes) -> Shape | None:
    """A geometry column's content; None: an empty geometry. Raises WkbError."""
    if len(blob) < 8 or blob[:2] != b"GP":
        raise WkbError("no geometry of a GeoPackage")
    if blob[3] & 0x10:
        return None
    size = _ENVELOPES.get((blob[3] >> 1) & 7)
    if size is None:
        raise WkbError("its header is damaged")
    reader = _Reader(blob, 8 + size)
    try:
        kind, parts = reader.read_shape()
    except struct.error as error:
        raise WkbError("it ends too early") from error
    return Shape(kind=kind, parts=parts) if parts else None


class _Reader:
    def __init__(self, blob: bytes, at: int) -> None:
        self._blob, self._at, self._order = blob, at, "<"

    def _number(self) -> int:
        (number,) = struct.unpack_from(f"{self._order}I", self._blob, self._at)
        self._at += 4
        return int(number)

    def read_shape(self, depth: int = 0) -> tuple[str, Parts]:
        """Kind and parts. Raises WkbError: it is neither line nor area; struct.error: it is cut."""
        (order,) = struct.unpack_from("B", self._blob, self._at)
        self._at += 1
        self._order = "<" if order else ">"
        code = self._number()
        dimensions = 2 + bool(code & _WITH_Z) + bool(code & _WITH_M)
        if code & _WITH_SRID:
            self._at += 4
        kind, iso = (code & 0xFFFF) % 1000, (code & 0xFFFF) // 1000
        dimensions += {0: 0, 1: 1, 2: 1, 3: 2}.get(iso, 0)
        if kind == _LINE:
            return "LineString", [[self._positions(dimensions)]]
        if kind == _POLYGON:
            return "Polygon", [[self._positions(dimensions) for _each in range(self._count(4))]]
        if kind not in _MULTIPLE or depth > 2:
            raise WkbError("a {kind}: lines or polygons are expected", _NAMES.get(kind, kind))
        shapes = [self.read_shape(depth + 1) for _each in range(self._count(9))]
        kinds = {name for name, _parts in shapes}
        if len(kinds) > 1:
            raise WkbError("lines and polygons in one geometry")
        return next(iter(kinds), "LineString"), [part for _name, parts in shapes for part in parts]

    def _count(self, least: int) -> int:
        """A number of parts that fits what is left. `least`: bytes of each."""
        count = self._number()
        if count * least > len(self._blob) - self._at:
            raise WkbError("it ends too early")
        return count

    def _positions(self, dimensions: int) -> Positions:
        count = self._count(8 * dimensions)
        array = np.frombuffer(
            self._blob, dtype=f"{self._order}f8", count=count * dimensions, offset=self._at
        )
        self._at += 8 * count * dimensions
        return array.reshape(count, dimensions)[:, :2].astype(np.float64)
