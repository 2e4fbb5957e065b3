"""Revisions in words."""

from datetime import UTC, datetime

from hypervisor.base.instants import BEGINNING, EPOCH, moment
from hypervisor.registry.queries_revisions import Recorded

_ALWAYS = (moment(BEGINNING), EPOCH)


def day(at: datetime) -> str:
    """A time as people write it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def since(at: datetime) -> str:
    """From when something holds."""
    return (
        "from the beginning" if at in _ALWAYS else f"from {at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    )


def who(revision: Recorded) -> str:
    """`revision 15 by A. Martin of 2024-10-09 14:05Z, "after the flood"`."""
    said = f', "{revision.reason}"' if revision.reason else ""
    gone = ", which withdrew it" if revision.value is None else ""
    return f"revision {revision.id} by {revision.author} of {day(revision.recorded_at)}{said}{gone}"


def instant(at: datetime) -> str:
    """A time for machines."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
