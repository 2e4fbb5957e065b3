"""Checks of the systems that send external alarms."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.findings import Finding, good, warning
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.external import queries


def check(connection: Connection, _settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a source; none while the database does not answer."""
    states = queries.list_states(connection)
    for state in states:
        subject, what = f"source {state.name}", state.describe(now)
        if state.has_problem(now) or state.stale:
            excerpt = f": {state.excerpt[:200]}" if state.has_problem(now) and state.excerpt else ""
            mend = f"`hypervisor dead-letters list` keeps what was refused{excerpt}"
            yield warning(subject, what, mend)
        else:
            yield good(subject, what)
