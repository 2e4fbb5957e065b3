"""`hypervisor doctor`'s checks of hazards and of drafts that wait for their second signature."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.publications import queries
from hypervisor.publications.hazards import HazardsError, find_file, read_file
from hypervisor.stack.doctor_machine import Finding, bad, good, warning


def check(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The instance's file of hazards, and drafts too old to be signed."""
    yield from _check_hazards(settings)
    yield from _check_drafts(settings, now)


def _check_hazards(settings: Settings) -> Iterator[Finding]:
    file = find_file(settings)
    if file is None:
        return
    try:
        hazards = read_file(file)
    except HazardsError as error:
        yield bad("hazards", str(error), "correct it; until then what it said last holds, or ours")
    else:
        yield good("hazards", f"{file}: {len(hazards)} hazards")


def _check_drafts(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Nothing while the database does not answer."""
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
