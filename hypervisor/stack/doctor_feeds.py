"""Checks of the official services that are read."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.feeds import collect
from hypervisor.feeds.service import list_status, list_unknown_off
from hypervisor.stack.doctor_machine import Finding, bad, good, warning


def check_feeds(settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a service that is read; none while the database does not answer."""
    try:
        with store_errors(), connect(settings.database_url) as connection:
            if not collect.may_ask(connection, settings):
                return
            statuses = list_status(connection, settings)
    except StoreError:  # the check of the database reports it
        return
    for sentence in list_unknown_off(settings):
        yield warning("feeds", sentence, "correct the setting: that feed is read")
    for status in statuses:
        if status.idle and not status.is_off:
            continue
        subject, what = f"feed {status.feed.name}", status.describe(now)
        if status.is_off:
            yield good(subject, what)
            continue
        mend = f"`hypervisor feeds show {status.feed.name}` shows its last answer"
        if status.state.problem and (status.is_late(now) or status.state.answered_at is None):
            yield bad(subject, what, mend)
        elif status.state.problem or status.is_late(now):
            yield warning(subject, what, mend)
        else:
            yield good(subject, what)
