"""The operational log: what the room notes, decides, calls and promises."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_incidents
from hypervisor.base.duties import DUTIES, Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.logbook import queries
from hypervisor.logbook.errors import LogError, NoEntryError
from hypervisor.logbook.model import Kind, New
from hypervisor.logbook.queries import Entry, LogFilter
from hypervisor.logbook.schemas import EntriesBody, EntryBody, EntryPost, OneEntryBody
from hypervisor.logbook.service import write
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.times import Instant

router = APIRouter(prefix="/log", tags=["operational_log"])


@router.get("", responses=responses(422))
def every(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    *,
    since: Annotated[Instant | None, Query(alias="from", description="The wall's clock.")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Exclusive.")] = None,
    kind: Annotated[list[Kind] | None, Query(description="One or several.")] = None,
    author: Annotated[str | None, Query(max_length=200)] = None,
    site: Annotated[str | None, Query(max_length=200)] = None,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    text: Annotated[str | None, Query(max_length=200, description="Words that it holds.")] = None,
    standing: Annotated[bool, Query(alias="open", description="Those not yet settled.")] = False,
) -> EntriesBody:
    """Entries, the latest first."""
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
    rows, following = page.told(queries.listing(context.connection, query), lambda row: (row.id,))
    return EntriesBody(mode=context.mode, entries=[body(row) for row in rows], next=following)


@router.get("/{number}", responses=responses(404, 422))
def one(context: Context, number: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> OneEntryBody:
    """One entry, and whether it is settled."""
    entry = queries.one(context.connection, number)
    if entry is None:
        raise NotFoundError(f"no entry has the number {number}")
    return OneEntryBody(mode=context.mode, entry=body(entry))


@router.post("", status_code=201, responses=responses(404, 422))
def append(context: Context, post: EntryPost) -> OneEntryBody:
    """Write an entry; nothing that was written changes, it is corrected by another one."""
    try:
        entry = written(context, New(author=context.person.name, **post.model_dump()))
    except NoEntryError as error:
        raise NotFoundError(str(error)) from error
    except LogError as error:
        raise HTTPException(422, str(error)) from error
    return OneEntryBody(mode=context.mode, entry=body(entry))


def written(context: RequestContext, new: New) -> Entry:
    """Write it where the person may: at its site or alarm, else in their own territory.

    What settles or corrects an entry takes the duty where that entry stands.

    Raises:
        ForbiddenError: they may not write there.
        NotFoundError: they do not see what it is about.
        LogError: it cannot stand so.
    """
    if new.site is not None:
        context.require(Duty.OPERATE, site=new.site)
    if new.alarm is not None:
        context.require(Duty.OPERATE, alarm=new.alarm)
    if new.incident is not None and not queries_incidents.list_incidents(
        context.connection, number=new.incident
    ):
        raise NoEntryError(f"no incident has the number {new.incident}")
    about = None if new.about is None else queries.one(context.connection, new.about)
    if new.about is not None and about is None:
        raise NoEntryError(f"no entry has the number {new.about}")
    if about is None:
        area = area_of(context)
    else:
        area = about.area
        context.require(Duty.OPERATE, site=about.site, area=None if about.site else area)
    entry = New(**{**vars(new), "area": area, "site": new.site or (about.site if about else None)})
    with context.writing() as connection:
        return write(connection, entry, now=context.clock())


def area_of(context: RequestContext) -> str | None:
    """Whose log the person writes: None, the whole territory's.

    Raises:
        ForbiddenError: they operate nowhere.
    """
    if not context.person.everywhere(Duty.OPERATE):
        for grant in context.person.grants:
            if grant.area is not None and Duty.OPERATE in DUTIES[grant.role]:
                context.require(Duty.OPERATE, area=grant.area)
                return grant.area
    context.require(Duty.OPERATE)
    return None


def body(entry: Entry) -> EntryBody:
    """As the API tells it."""
    return EntryBody(**asdict(entry), open=entry.open)
