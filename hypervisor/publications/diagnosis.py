"""`hypervisor doctor`'s check of drafts that wait for their second signature."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.publications import queries
from hypervisor.stack.doctor_machine import Finding, warning


def check(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Warn of drafts too old to be signed; nothing while the database does not answer."""
    limit = timedelta(hours=settings.publication_draft_hours)
    try:
        with store_errors(), connect(settings.database_url) as connection:
            stale = queries.list_waiting(connection, written_before=now - limit)
    except StoreError:  # the check of the database reports it
        return
    if stale:
        numbers = ", ".join(str(number) for number in stale)
        what = f"drafts unsigned for {settings.publication_draft_hours:g} h or more: {numbers}"
        yield warning("publications", what, "change or discard them on the page Publications")
