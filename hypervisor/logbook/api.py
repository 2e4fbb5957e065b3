"""Routes of the operational log: notes, decisions, calls, promises."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_incidents
from hypervisor.base.duties import DUTIES, Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.logbook import queries
from hypervisor.logbook.errors import LogError, NoEntryError
from hypervisor.logbook.model import EntryKind, LogEntry, NewEntry
from hypervisor.logbook.queries import LogFilter
from hypervisor.logbook.schemas import EntriesBody, EntryDetailBody, EntryPost
from hypervisor.logbook.service import append_entry
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.times import Instant

router = APIRouter(prefix="/log", tags=["operational_log"])


@router.get("", responses=responses(422))
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
    text: Annotated[
        str | None, Query(max_length=200, description="Text contained in the entry.")
    ] = None,
    standing: Annotated[bool, Query(alias="open", description="Only open entries.")] = False,
) -> EntriesBody:
    """Log entries, latest first."""
    after = page.after(int)
    query = LogFilter(
        since=since,
        until=until,
        kinds=frozenset(kind) if kind else None,
        author=author,
        site=site,
        alarm=alarm,
        text=text,
        open=standing,
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
    entry = queries.find_entry(context.connection, number)
    if entry is None:
        raise NotFoundError(f"no entry has the number {number}")
    return EntryDetailBody(mode=context.mode, entry=entry)


@router.post("", status_code=201, responses=responses(404, 422))
def post_entry(context: Context, post: EntryPost) -> EntryDetailBody:
    """Add an entry. Entries cannot be changed: add a correction instead."""
    try:
        entry = write_entry(context, NewEntry(author=context.person.name, **post.model_dump()))
    except NoEntryError as error:
        raise NotFoundError(str(error)) from error
    except LogError as error:
        raise HTTPException(422, str(error)) from error
    return EntryDetailBody(mode=context.mode, entry=entry)


def write_entry(context: RequestContext, new: NewEntry) -> LogEntry:
    """Append an entry for its site or alarm, else for the person's own territory.

    Settling or correcting an entry needs the duty of its area.

    Raises:
        ForbiddenError: the person may not write there.
        NoEntryError: what it refers to does not exist or is not visible.
        LogError: the entry is invalid.
    """
    if new.site is not None:
        context.require(Duty.OPERATE, site=new.site)
    if new.alarm is not None:
        context.require(Duty.OPERATE, alarm=new.alarm)
    if new.incident is not None and not queries_incidents.list_incidents(
        context.connection, number=new.incident
    ):
        raise NoEntryError(f"no incident has the number {new.incident}")
    about = None if new.about is None else queries.find_entry(context.connection, new.about)
    if new.about is not None and about is None:
        raise NoEntryError(f"no entry has the number {new.about}")
    if about is None:
        area = find_area(context)
    else:
        area = about.area
        context.require(Duty.OPERATE, site=about.site, area=None if about.site else area)
    entry = NewEntry(
        **{**vars(new), "area": area, "site": new.site or (about.site if about else None)}
    )
    with context.writing() as connection:
        return append_entry(connection, entry, now=context.clock())


def find_area(context: RequestContext) -> str | None:
    """The area for which the person writes; None: the whole territory.

    Raises:
        ForbiddenError: the person is an operator nowhere.
    """
    if not context.person.everywhere(Duty.OPERATE):
        for grant in context.person.grants:
            if grant.area is not None and Duty.OPERATE in DUTIES[grant.role]:
                context.require(Duty.OPERATE, area=grant.area)
                return grant.area
    context.require(Duty.OPERATE)
    return None
