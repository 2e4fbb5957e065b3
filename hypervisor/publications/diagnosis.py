"""`hypervisor doctor`'s checks of hazards and of drafts that wait for their second signature."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.publications import queries
from hypervisor.publications.hazards import HazardsError, find_file, read_file


def check(connection: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    """The instance's file of hazards, and drafts too old to be signed."""
    yield from _check_hazards(settings)
    limit = timedelta(hours=settings.publication_draft_hours)
    stale = queries.list_waiting(connection, written_before=now - limit)
    if stale:
        numbers = ", ".join(str(number) for number in stale)
        what = f"drafts unsigned for {settings.publication_draft_hours:g} h or more: {numbers}"
        yield warning("publications", what, "change or discard them on the page Publications")


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
