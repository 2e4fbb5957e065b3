"""`hypervisor doctor`'s check of what is sent to citizens."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.settings import Settings
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.subscriptions import is_offered
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.stack.doctor_machine import Finding, bad, good, warning

_SUBJECT = "mails to citizens"
_LATE = 300.0  # s that a mail may wait beyond its time


def check(settings: Settings, _now: datetime) -> Iterator[Finding]:
    """What waits and what was given up; nothing while citizens cannot subscribe."""
    try:
        with store_errors(), connect(settings.database_url) as connection:
            if not is_offered(settings, instance_store.require(connection).mode):
                return
            counts = queries.count(connection)
    except StoreError:  # the check of the database reports it
        return
    what = (
        f"{counts.confirmed} subscribers, {counts.unconfirmed} to confirm, {counts.waiting} waiting"
    )
    if counts.late is not None and counts.late.total_seconds() > _LATE:
        what += f", one of them for {counts.late.total_seconds() / 60:.0f} min"
        yield bad(_SUBJECT, what, "does the part `mailing` run? See log/mailing.log")
    else:
        yield good(_SUBJECT, what)
    if counts.given_up:
        what = f"{counts.given_up} given up within 30 days: {counts.error}"
        yield warning(_SUBJECT, what, "correct HYPERVISOR_CITIZENS_MAIL, or the mail server")
