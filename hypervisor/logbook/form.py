"""Fields of the forms that write to the log."""

from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.logbook.model import EntryKind, LogError
from hypervisor.web.times import local
from sensors._scalars import parse_whole


def parse_kind(text: str) -> EntryKind:
    """A kind by its name. Raises LogError: there is no such kind."""
    if text not in set(EntryKind):
        raise LogError("kind: expected one of {kinds}", ", ".join(EntryKind))
    return EntryKind(text)


def parse_number(text: str) -> int | None:
    """The number of an entry or alarm; None: empty. Raises LogError: it is no number."""
    if not text.strip():
        return None
    number = parse_whole(text)
    if number is None:
        raise LogError("number: expected digits, not {text!r}", text)
    return number


def parse_due(text: str, context: RequestContext) -> datetime | None:
    """A local day and time; None: empty. Raises LogError: it is no time."""
    due = local(text, context)
    if text and due is None:
        raise LogError("due: expected a day and a time, not {text!r}", text)
    return due
