"""Why letters were refused and messages lost, in words, and who can mend it."""

from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _

_NO_JSON = mark("The payload is no JSON text: is it a vendor's binary form?")
_SHAPE = mark("JSON, but not as a reading is written: the device is to be mended.")
_TIME = mark("No time that can be read: the device is to be mended.")
_VALUE = mark("A value that is none: the device is to be mended.")
_UNKNOWN = mark("Nobody registered it: apply the inventory, then send again.")
_UNIT = mark("A unit that does not become the quantity's: mend device or mapping, then send again.")
_CODEC = mark("The vendor's codec fails or is missing: mend it, then send again.")
_GATEWAY = mark("A gateway that may not speak for it: mend the inventory, then send again.")
_AHEAD = mark("Its clock is wrong, or says local time as UTC: send again with a shift.")
_OLD = mark("Older than what is kept: import it as history if it is wanted.")
_RETIRED = mark("The device was retired before: correct its dates, then send again.")
_STAMP = mark("Without the scenario's stamp: in an exercise only the player is believed.")
_LARGE = mark("Larger than any message of readings.")
_OTHER = mark("The sentence of each letter says what was wrong.")

_CAUSE = {
    "broker-killed": mark("The broker died before it had saved."),
    "machine-died": mark("The whole machine died before the broker had saved."),
    "session-lost": mark("The broker had lost ingest's queue."),
    "broker-dropped": mark("The broker's queue was full."),
    "deaf": mark("Ingest was away or behind; the broker kept what came."),
}

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
}  # fmt: skip


def explain_reason(reason: str) -> str:
    """A sentence."""
    return _(_MEANING.get(reason, _OTHER))


def explain_cause(gap: str) -> str:
    """What a gap's cause means, for the reader."""
    return _(_CAUSE[gap])
