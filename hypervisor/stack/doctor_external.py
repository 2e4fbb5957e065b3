"""Checks of the systems that send external alarms."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.external import queries
from hypervisor.stack.doctor_machine import Finding, good, warning


def check_sources(settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a source; none while the database does not answer."""
    try:
        with store_errors(), connect(settings.database_url) as connection:
            states = queries.list_states(connection)
    except StoreError:  # the check of the database reports it
        return
    for state in states:
        subject, what = f"source {state.name}", state.describe(now)
        if state.has_problem(now) or state.stale:
            excerpt = f": {state.excerpt[:200]}" if state.has_problem(now) and state.excerpt else ""
            mend = f"`hypervisor dead-letters list` keeps what was refused{excerpt}"
            yield warning(subject, what, mend)
        else:
            yield good(subject, what)
