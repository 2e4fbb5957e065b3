"""The bytes of a dead letter in the ways that people read them: hexadecimal, text, JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 16 * 1024  # bytes shown; a page is no place for more
_LINE = 16


@dataclass(frozen=True, kw_only=True)
class HexLine:
    """Sixteen bytes: where they begin, as numbers, as characters."""

    offset: str
    numbers: str
    letters: str


@dataclass(frozen=True, kw_only=True)
class Payload:
    """`text` None: it is no text; `pretty` None: no JSON. `cut`: there is more than is shown."""

    size: int
    cut: bool
    lines: tuple[HexLine, ...]
    text: str | None
    pretty: str | None


def format_payload(content: bytes) -> Payload:
    """A payload to look at."""
    shown = content[:MOST]
    text = _text(shown if len(content) <= MOST else shown[: MOST - 4])
    return Payload(
        size=len(content),
        cut=len(content) > MOST,
        lines=tuple(_format_lines(shown)),
        text=text,
        pretty=_format_json(content) if text is not None and len(content) <= MOST else None,
    )


def _format_lines(content: bytes) -> Iterator[HexLine]:
    for start in range(0, len(content), _LINE):
        part = content[start : start + _LINE]
        halves = (part[:8].hex(" "), part[8:].hex(" "))
        yield HexLine(
            offset=f"{start:04x}",
            numbers="  ".join(half for half in halves if half),
            letters="".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part),
        )


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    readable = all(char.isprintable() or char in "\r\n\t" for char in text)
    return text if readable else None


def _format_json(content: bytes) -> str | None:
    try:
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
