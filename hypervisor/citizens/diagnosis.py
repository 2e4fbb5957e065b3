"""`hypervisor doctor`'s check of what is sent to citizens."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.settings import Settings
from hypervisor.citizens import queries_push
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.queries_subscriptions import Counts
from hypervisor.citizens.subscriptions import allows_push, is_offered
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection

_LATE = 300.0  # s that a message may wait beyond its time
_SUBJECTS = {"mail": "mails to citizens", "push": "push to citizens"}
_MEND = {
    "mail": "correct HYPERVISOR_CITIZENS_MAIL, or the mail server",
    "push": "see HYPERVISOR_CITIZENS_PUSH; a push service that was away is no fault of yours",
}


def check(connection: Connection, settings: Settings, _now: datetime) -> Iterator[Finding]:
    """What waits and what was given up; nothing while citizens cannot subscribe."""
    mode = instance_store.require(connection).mode
    offered = {"mail": is_offered(settings, mode), "push": allows_push(settings, mode)}
    if not any(offered.values()):
        return
    counts = queries.count(connection)
    has_key = queries_push.read_key(connection) is not None
    if offered["push"] and not has_key:
        mend = "`hypervisor citizens push-key` makes it"
        yield warning(_SUBJECTS["push"], "there is no key for push services", mend)
    for each in counts:
        if offered[each.channel]:
            yield from _describe(each)


def _describe(counts: Counts) -> Iterator[Finding]:
    subject = _SUBJECTS[counts.channel]
    what = (
        f"{counts.confirmed} subscribers, {counts.unconfirmed} to confirm, {counts.waiting} waiting"
    )
    if counts.late is not None and counts.late.total_seconds() > _LATE:
        what += f", one of them for {counts.late.total_seconds() / 60:.0f} min"
        yield bad(subject, what, "does the part `mailing` run? See log/mailing.log")
    else:
        yield good(subject, what)
    if counts.given_up:
        what = f"{counts.given_up} given up within 30 days: {counts.error}"
        yield warning(subject, what, _MEND[counts.channel])
