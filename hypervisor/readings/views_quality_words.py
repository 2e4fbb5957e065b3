"""Why letters were refused and messages lost, in words, and who can mend it."""

from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _

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
_OTHER = mark("See the detail of each letter.")

_CAUSE = {
    "broker-killed": mark("The broker crashed before saving its queue."),
    "machine-died": mark("The machine went down before the broker saved its queue."),
    "session-lost": mark("The broker lost ingest's queue."),
    "broker-dropped": mark("The broker's queue was full."),
    "deaf": mark("Ingest was down or behind; the broker kept the messages."),
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
