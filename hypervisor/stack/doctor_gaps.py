"""Checks of the ingest gaps of the last day: their causes, and what devices sent again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from hypervisor.base.findings import Finding, good, warning
from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.database import gaps as ledger
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import StoreError, connect
from hypervisor.database.gaps import Cause, Gap
from hypervisor.readings.device_health import Recovery, assess_recovery
from sensors._domain import catalogue

_SPAN = timedelta(days=1)
_MOST = 10_000  # of a day
# With details, by whether acknowledged messages may be lost; the rest is counted by cause.
_DETAILED = {True: 20, False: 5}
_NAMES = 5
_CAUSES: Mapping[Cause, str] = {
    "broker-killed": "the broker died before it had saved",
    "machine-died": "the machine died before the broker had saved",
    "session-lost": "the broker had lost ingest's queue",
    "broker-dropped": "the broker's queue was full",
    "not-listening": "ingest was away or behind; the broker queued what came",
}
_MEND_GAP = "*Quality* lists the devices; what they send again is stored once"


def check_gaps(settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a gap, the latest first, then what more there was, by cause.

    None while the database does not answer.
    """
    try:
        with connect(settings.database_url) as connection:
            instance = instance_store.read(connection)
            recent = ledger.latest(connection, limit=_MOST, since=now - _SPAN)
            live = instance is not None and instance.mode is Mode.LIVE
            described, more = choose_detailed(recent)
            came = (
                assess_recovery(connection, catalogue(), described)
                if live
                else [None] * len(described)
            )
    except StoreError:  # the check of the database reports it
        return
    if not recent:
        yield good("gaps", "none within a day")
    for gap, refill in zip(described, came, strict=True):
        yield _check_gap(gap, refill)
    for cause, gaps in more.items():
        what = f"{len(gaps)} more, {_format_span(gaps)}: {_CAUSES[cause]}{_format_dropped(gaps)}"
        yield warning("gaps", what, _MEND_GAP)


def choose_detailed(recent: Sequence[Gap]) -> tuple[list[Gap], Mapping[Cause, list[Gap]]]:
    """The gaps that are described each, and the others by cause.

    A gap in which something may be lost is not hidden by later ones in which nothing was.
    """
    detailed: list[Gap] = []
    more: dict[Cause, list[Gap]] = {}
    counts = dict.fromkeys(_DETAILED, 0)
    for gap in recent:
        lossy = gap.cause != "not-listening"
        counts[lossy] += 1
        if counts[lossy] <= _DETAILED[lossy]:
            detailed.append(gap)
        else:
            more.setdefault(gap.cause, []).append(gap)
    return detailed, more


def _check_gap(gap: Gap, came: Recovery | None) -> Finding:
    """A gap is no problem if the broker lost nothing and no device lacks readings."""
    what = f"{_format_span([gap])}: {_CAUSES[gap.cause]}{_format_dropped([gap])}"
    if came is not None:
        what += f"; {_format_refill(came)}"
    if gap.cause == "not-listening" and (came is None or not came.lacking):
        return good("gaps", what)
    return warning("gaps", what, _MEND_GAP)


def _format_span(gaps: Sequence[Gap]) -> str:
    begins = min(gap.begins for gap in gaps).astimezone()
    ends = max(gap.ends for gap in gaps).astimezone()
    return f"{begins:%d %b %H:%M:%S} to {ends:%d %b %H:%M:%S}"


def _format_dropped(gaps: Sequence[Gap]) -> str:
    counts = [gap.messages for gap in gaps if gap.messages is not None]
    return f", {sum(counts)} messages dropped" if counts else ""


def _format_refill(came: Recovery) -> str:
    if not came.due:
        return "no device was due"
    lacking = came.lacking
    names = ", ".join(device.device for device in lacking[:_NAMES])
    named = f": {names}{', …' if len(lacking) > _NAMES else ''}" if names else ""
    counts = f"{came.due} devices were due, {len(came.refilled)} sent later"
    return f"{counts}, {len(lacking)} lack readings{named}"
