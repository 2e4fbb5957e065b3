"""What comes from outside: unpacked within bounds, decoded once, normalised, or refused.

Answers of services, files and claims pass here before they are compared, stored or shown.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterator
from typing import IO

import msgspec

from sensors._errors import TerritoryError

LARGEST_TEXT = 16 * 2**20  # bytes of what a person writes by hand
_LONGEST_LINE = 10_000  # characters of it on a terminal
_PIECE = 65_536  # bytes unpacked at a time
_GZIP = 31  # zlib's window bits for it
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_MEMBERS = 10_000  # of a gzip: each costs a start, however little it holds
_DEEPEST = 32  # nested lists or objects of a document
# Controls, half surrogate pairs, and what turns the direction in which text is read.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[\x21-\x7e]+")


class ForeignError(TerritoryError):
    """What came from outside is refused: says what is wrong, and what was expected."""


class TooLargeError(ForeignError):
    """There is more of it than the bound."""


class Unpacker:
    """Unpacks gzip piece by piece, up to `largest` bytes in all."""

    def __init__(self, largest: int) -> None:
        """`largest`: bytes, unpacked."""
        self._largest = self._left = largest
        self._member: zlib._Decompress | None = None
        self._members = 0

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """The next part, in pieces.

        Raises:
            TooLargeError: more than `largest` bytes in all.
            ForeignError: it is no gzip.
        """
        while packed:
            if self._member is None:
                packed = packed.lstrip(b"\0") if self._members else packed  # padding
                if not packed:
                    return
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise ForeignError("it has more than {count} parts", _MOST_MEMBERS)
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(packed, _PIECE)
                while piece:
                    self._left -= len(piece)
                    if self._left < 0:
                        raise TooLargeError("it has more than {count} bytes", self._largest)
                    yield piece
                    piece = self._member.decompress(self._member.unconsumed_tail, _PIECE)
            except zlib.error as error:
                raise ForeignError("it cannot be unpacked: {error}", str(error)) from error
            packed = self._member.unused_data
            if self._member.eof:
                self._member = None

    def finish(self) -> None:
        """Raises ForeignError: what came was cut off."""
        if self._member is not None or not self._members:
            raise ForeignError("the gzip is cut off")


def read_file(file: IO[bytes], largest: int) -> bytes:
    """All of a file, unpacked if it is gzip.

    Raises:
        TooLargeError: more than `largest` bytes, unpacked.
        ForeignError: it cannot be unpacked, or is cut off.
    """
    begins = file.read(len(_GZIP_MAGIC))
    if begins != _GZIP_MAGIC:
        content = begins + file.read(max(largest - len(begins), 0) + 1)
        if len(content) > largest:
            raise TooLargeError("it has more than {count} bytes", largest)
        return content
    unpacker, pieces = Unpacker(largest), bytearray()
    packed = begins + file.read(_PIECE)
    while packed:
        for piece in unpacker.unpack(packed):
            pieces += piece
        packed = file.read(_PIECE)
    unpacker.finish()
    return bytes(pieces)


def read_text_file(file: IO[bytes], *, largest: int = LARGEST_TEXT, encoding: str = "utf-8") -> str:
    """A person's file as text. Raises OSError, UnicodeDecodeError or ForeignError: it is none."""
    return read_file(file, largest).decode(encoding)


def read_json(data: bytes, *, deepest: int = _DEEPEST) -> object:
    """The content of a JSON document, by the letter of the standard.

    Raises ForeignError: no UTF-8, no JSON (NaN and half surrogate pairs are none), or too deep.
    """
    try:
        content: object = msgspec.json.decode(data.decode())
    except RecursionError as error:
        raise ForeignError("it has more than {count} nested lists or objects", deepest) from error
    except ValueError as error:
        raise ForeignError("it is not JSON: {error}", str(error)[:200]) from error
    _require_shallow(content, deepest)
    return content


def _require_shallow(content: object, deepest: int) -> None:
    level = [content]
    for _ in range(deepest + 1):
        parts = [part for part in level if isinstance(part, list | dict)]
        if not parts:
            return
        level = [
            inner for part in parts for inner in (part.values() if isinstance(part, dict) else part)
        ]
    raise ForeignError("it has more than {count} nested lists or objects", deepest)


def read_text(value: object, *, longest: int) -> str:
    """One line of text, in the normal form NFKC and without blanks around it.

    Raises ForeignError: no text, empty, longer, or with a control character.
    """
    line = _require_line(value, longest)
    return _require_line(unicodedata.normalize("NFKC", line).strip(), longest)


def read_exact_text(value: object, *, longest: int) -> str:
    """The same as it came, in the form NFC: what is compared to give a right.

    NFKC would take `admin` in full-width letters, as anybody may name a group, for `admin`.
    """
    return unicodedata.normalize("NFC", _require_line(value, longest))


def _require_line(value: object, longest: int) -> str:
    if not isinstance(value, str) or not value:
        raise ForeignError("expected a text")
    if len(value) > longest:
        raise ForeignError("{count} characters; at most {largest} fit", len(value), longest)
    match = _CONTROL.search(value)
    if match:
        raise ForeignError("it has the control character {code}", f"U+{ord(match[0]):04X}")
    return value


def read_identifier(value: object, *, longest: int) -> str:
    """What another program calls something: visible ASCII as it came, for it is compared exactly.

    Raises ForeignError: anything else.
    """
    if isinstance(value, str) and len(value) <= longest and _IDENTIFIER.fullmatch(value):
        return value
    raise ForeignError("expected at most {largest} visible ASCII characters", longest)


def normalise_name(name: str) -> str:
    """A name as it is kept: NFKC, single blanks, none around it; control characters stay."""
    return " ".join(filter(None, unicodedata.normalize("NFKC", name).split(" ")))


def fold_name(name: str) -> str:
    """By which two names are compared: `ADM`, `adm ` and full-width letters are the same."""
    return normalise_name(normalise_name(name).casefold())


def remove_controls(text: str) -> str:
    """A text for readers, its lines kept: other control characters become blanks."""
    return _CONTROL.sub(lambda match: match[0] if match[0] in "\n\t" else " ", text)


def make_showable(text: str) -> str:
    """A text for a terminal: without control characters, its lines cut where they are too long."""
    lines = remove_controls(text).split("\n")
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines
    )


def make_excerpt(content: bytes | str, longest: int) -> str:
    """The beginning of what came, as text that a database, a page and a terminal take."""
    text = content[:longest]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign == "\n" else "·" for sign in text)
