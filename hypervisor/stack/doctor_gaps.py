"""Checks of the ingest gaps of the last day: their causes, and what devices sent again."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.database import gaps as ledger
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import StoreError, connect
from hypervisor.database.gaps import Gap
from hypervisor.readings.device_health import Recovery, assess_recovery
from hypervisor.stack.doctor_machine import Finding, good, warning
from sensors._domain import catalogue

_SPAN = timedelta(days=1)
_GAPS = 5  # with details
_NAMES = 5
_CAUSES = {
    "broker-killed": "the broker died before it had saved",
    "machine-died": "the machine died before the broker had saved",
    "session-lost": "the broker had lost ingest's queue",
    "broker-dropped": "the broker's queue was full",
    "not-listening": "ingest was away or behind; the broker queued what came",
}
_MEND_GAP = "*Quality* lists the devices; what they send again is stored once"


def check_gaps(settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a gap, the latest first; none while the database does not answer."""
    try:
        with connect(settings.database_url) as connection:
            instance = instance_store.read(connection)
            recent = ledger.latest(connection, limit=100, since=now - _SPAN)
            live = instance is not None and instance.mode is Mode.LIVE
            described = recent[:_GAPS]
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
    if len(recent) > _GAPS:
        more = f"{len(recent) - _GAPS} more within a day"
        yield warning("gaps", more, _MEND_GAP)


def _check_gap(gap: Gap, came: Recovery | None) -> Finding:
    """A gap is no problem if the broker lost nothing and no device lacks readings."""
    begins, ends = (at.astimezone() for at in (gap.begins, gap.ends))
    what = f"{begins:%d %b %H:%M:%S} to {ends:%d %b %H:%M:%S}: {_CAUSES[gap.cause]}"
    if gap.messages is not None:
        what += f", {gap.messages} messages dropped"
    if came is not None:
        what += f"; {_format_refill(came)}"
    if gap.cause == "not-listening" and (came is None or not came.lacking):
        return good("gaps", what)
    return warning("gaps", what, _MEND_GAP)


def _format_refill(came: Recovery) -> str:
    if not came.due:
        return "no device was due"
    lacking = came.lacking
    names = ", ".join(device.device for device in lacking[:_NAMES])
    named = f": {names}{', …' if len(lacking) > _NAMES else ''}" if names else ""
    counts = f"{came.due} devices were due, {len(came.refilled)} sent later"
    return f"{counts}, {len(lacking)} lack readings{named}"
