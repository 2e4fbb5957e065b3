"""Dead letters for people: the bytes as hexadecimal, text and JSON; the reason as a sentence."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from hypervisor.base.translation import mark, translate

MOST = 16 * 1024  # bytes shown on a page
_LINE = 16

_NO_JSON = mark("The payload is not JSON. Is it a vendor's binary format?")
_SHAPE = mark("Valid JSON, but not a reading: fix the device.")
_TIME = mark("No readable time: fix the device.")
_VALUE = mark("Not a valid value: fix the device.")
_UNKNOWN = mark("Not registered: apply the inventory, then replay.")
_UNIT = mark("The unit cannot be converted: fix the device or the mapping, then replay.")
_CODEC = mark("The vendor's codec fails or is missing: fix it, then replay.")
_GATEWAY = mark("This gateway may not publish for the device: fix the inventory, then replay.")
_AHEAD = mark("The device clock is wrong, or sends local time as UTC: replay with a shift.")
_OLD = mark("Older than the retention period: import it as history if you need it.")
_RETIRED = mark("Measured after the device was retired: correct its dates, then replay.")
_STAMP = mark("No scenario stamp: an exercise accepts only the player's messages.")
_LARGE = mark("Too large for a message of readings.")
_COMMAND = mark("No command with this key was sent to this device: does it answer an older one?")
_OTHER = mark("See the detail of each letter.")

_MEANING = {
    **dict.fromkeys(("empty", "not-utf8", "not-json", "too-deep"), _NO_JSON),
    **dict.fromkeys(("wrong-shape", "no-values", "nothing-mapped"), _SHAPE),
    **dict.fromkeys(("no-time", "bad-time"), _TIME),
    **dict.fromkeys(("bad-value", "not-finite", "not-storable"), _VALUE),
    **dict.fromkeys(("unknown-device", "unknown-quantity"), _UNKNOWN),
    "unknown-unit": _UNIT,
    **dict.fromkeys(
        ("no-codec", "bad-codec", "bad-payload", "codec-error", "codec-timeout", "codec-memory",
         "codec-suspended"),
        _CODEC,
    ),
    **dict.fromkeys(("unknown-gateway", "not-its-gateway"), _GATEWAY),
    "time-ahead": _AHEAD,
    "time-too-old": _OLD,
    "device-retired": _RETIRED,
    **dict.fromkeys(("no-stamp", "simulated"), _STAMP),
    "too-large": _LARGE,
    "unknown-command": _COMMAND,
}  # fmt: skip


def explain_reason(reason: str) -> str:
    """What a reason means, and what to fix."""
    return translate(_MEANING.get(reason, _OTHER))


@dataclass(frozen=True, kw_only=True)
class HexLine:
    """Sixteen bytes: their offset, as numbers, as characters."""

    offset: str
    numbers: str
    letters: str


@dataclass(frozen=True, kw_only=True)
class Payload:
    """`text` None: not text; `pretty` None: not JSON. `cut`: there is more than is shown."""

    size: int
    cut: bool
    lines: tuple[HexLine, ...]
    text: str | None
    pretty: str | None


def format_payload(content: bytes) -> Payload:
    """A payload to display."""
    shown = content[:MOST]
    text = decode_text(shown if len(content) <= MOST else shown[: MOST - 4])
    return Payload(
        size=len(content),
        cut=len(content) > MOST,
        lines=tuple(_format_lines(shown)),
        text=text,
        pretty=_format_json(content) if text is not None and len(content) <= MOST else None,
    )


def decode_text(content: bytes) -> str | None:
    """As text, if it is printable UTF-8."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else None


def _format_lines(content: bytes) -> Iterator[HexLine]:
    for start in range(0, len(content), _LINE):
        part = content[start : start + _LINE]
        halves = (part[:8].hex(" "), part[8:].hex(" "))
        yield HexLine(
            offset=f"{start:04x}",
            numbers="  ".join(half for half in halves if half),
            letters="".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part),
        )


def _format_json(content: bytes) -> str | None:
    try:
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
