"""Columns of numpy as arrays of PostgreSQL: a statement takes a batch as its parameters.

COPY cannot be sent together with other statements, and waits for two answers of its own.
"""

import struct
from typing import Any

import numpy as np
from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = struct.Struct("!iiIii")  # dimensions, NULLs, type of the elements, how many, the first


class Column(bytes):
    """An array in PostgreSQL's binary form; the subclasses say of what."""

    element: int  # numbers of the types, from pg_type
    array: int
    kind: str  # as PostgreSQL sends an element

    @classmethod
    def of(cls, values: np.ndarray[Any, Any]) -> "Column":
        """Pack values of any length, without NULLs."""
        records = np.empty(len(values), dtype=[("length", ">i4"), ("value", cls.kind)])
        records["length"] = np.dtype(cls.kind).itemsize
        records["value"] = values
        return cls(_HEADER.pack(1, 0, cls.element, len(values), 1) + records.tobytes())


class SmallIntegers(Column):
    element, array, kind = 21, 1005, ">i2"


class Integers(Column):
    element, array, kind = 23, 1007, ">i4"


class Doubles(Column):
    element, array, kind = 701, 1022, ">f8"


class Times(Column):
    """Of µs since 2000, the least integer for -infinity."""

    element, array, kind = 1184, 1185, ">i8"


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> Column:
        return obj


for _type in (SmallIntegers, Integers, Doubles, Times):
    adapters.register_dumper(_type, type("_Dumper", (_Dumper,), {"oid": _type.array}))
