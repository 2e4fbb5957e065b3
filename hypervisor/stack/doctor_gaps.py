"""The doctor's check of the gap ledger: what the last day may have lost, and what was resent."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.database import gaps as ledger
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import StoreError, connect
from hypervisor.database.gaps import Gap
from hypervisor.readings.refilling import Recovery, assess_recovery
from hypervisor.stack.finding import Finding, good, warning
from sensors._domain import catalogue

SPAN = timedelta(days=1)
_MOST = 5  # gaps with details
_NAMES = 5
_CAUSES = {
    "broker-killed": "the broker died before it had saved",
    "machine-died": "the whole machine died before the broker had saved",
    "session-lost": "the broker had lost ingest's queue",
    "broker-dropped": "the broker's queue was full",
    "deaf": "ingest was away or behind, the broker kept what came",
}
_MEND = "*Quality* lists the devices; what they send again is stored once"


def check_gaps(settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a gap, the latest first; none while the database does not answer."""
    try:
        with connect(settings.database_url) as connection:
            instance = instance_store.read(connection)
            recent = ledger.latest(connection, limit=100, since=now - SPAN)
            live = instance is not None and instance.mode is Mode.LIVE
            described = recent[:_MOST]
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
        yield _finding(gap, refill)
    if len(recent) > _MOST:
        more = f"{len(recent) - _MOST} more within a day"
        yield warning("gaps", more, _MEND)


def _finding(gap: Gap, came: Recovery | None) -> Finding:
    """An ingest gap without a missing device has cost nothing."""
    begins, ends = (at.astimezone() for at in (gap.begins, gap.ends))
    what = f"{begins:%d %b %H:%M:%S} to {ends:%d %b %H:%M:%S}: {_CAUSES[gap.cause]}"
    if gap.messages is not None:
        what += f", {gap.messages} messages dropped"
    if came is not None:
        what += f"; {_format_refill(came)}"
    if gap.cause == "deaf" and (came is None or not came.lacking):
        return good("gaps", what)
    return warning("gaps", what, _MEND)


def _format_refill(came: Recovery) -> str:
    if not came.due:
        return "no device was due"
    lacking = came.lacking
    words = f"{came.due} devices were due, {len(came.refilled)} sent later, {len(lacking)} lack"
    return f"{words}{_format_names([device.device for device in lacking])}"


def _format_names(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f": {', '.join(names[:_NAMES])}{', …' if len(names) > _NAMES else ''}"
