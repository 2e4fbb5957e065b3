"""Routes of the operational log: notes, decisions, calls, promises."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from hypervisor.access.context import Context
from hypervisor.logbook import queries, service_incident
from hypervisor.logbook.model import EntryKind, NewEntry
from hypervisor.logbook.queries import LogFilter
from hypervisor.logbook.schemas import EntriesBody, EntryDetailBody, EntryPost
from hypervisor.logbook.service import find_entry, write_entry
from hypervisor.web.budget import ROWS_OF_SPAN, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.times import Instant

router = APIRouter(prefix="/log", tags=["operational_log"])


@router.get("", responses=responses(404, 422))
@costs(ROWS_OF_SPAN)
def list_entries(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    *,
    since: Annotated[Instant | None, Query(alias="from", description="Wall clock.")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Exclusive.")] = None,
    kind: Annotated[list[EntryKind] | None, Query(description="One or more.")] = None,
    author: Annotated[str | None, Query(max_length=200)] = None,
    site: Annotated[str | None, Query(max_length=200)] = None,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    incident: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Entries on it or on its alarms.")
    ] = None,
    text: Annotated[
        str | None, Query(max_length=200, description="Text contained in the entry.")
    ] = None,
    unsettled: Annotated[bool, Query(alias="open", description="Only open entries.")] = False,
) -> EntriesBody:
    """Log entries, latest first."""
    after = page.after(int)
    numbers = None
    if incident is not None:
        numbers = service_incident.list_numbers(service_incident.find_incident(context, incident))
    query = LogFilter(
        since=since,
        until=until,
        kinds=frozenset(kind) if kind else None,
        author=author,
        site=site,
        alarm=alarm,
        incident=numbers,
        text=text,
        open=unsettled,
        before=None if after is None else after[0],
        limit=page.limit + 1,
    )
    rows, following = page.take(
        queries.list_entries(context.connection, query), lambda row: (row.id,)
    )
    return EntriesBody(mode=context.mode, entries=rows, next=following)


@router.get("/{number}", responses=responses(404, 422))
def get_entry(
    context: Context, number: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> EntryDetailBody:
    """One entry, and whether it is settled."""
    return EntryDetailBody(mode=context.mode, entry=find_entry(context.connection, number))


@router.post("", status_code=201, responses=responses(404, 422))
def post_entry(context: Context, post: EntryPost) -> EntryDetailBody:
    """Add an entry. Entries cannot be changed: add a correction instead."""
    new = NewEntry(author=context.person.name, **post.model_dump())
    return EntryDetailBody(mode=context.mode, entry=write_entry(context, new))
