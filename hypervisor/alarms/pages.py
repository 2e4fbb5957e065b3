"""Alarms: the list by priority, one beside it, and what is done to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.alarms import queries_list, views, views_filter, views_panel, views_words
from hypervisor.alarms.api import regroup
from hypervisor.alarms.errors import AlarmError, ConflictError, NoAlarmError, RefusedError
from hypervisor.alarms.lifecycle import Kind
from hypervisor.alarms.service import Act, act
from hypervisor.alarms.views_filter import Filter
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.web import visits
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter(prefix="/alarms")
PAGE = Page(key="alarms", title=mark("Alarms"), address="/alarms", order=11, shortcut="a")

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_MOST = 1_000  # alarms that are acted on at once


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a form says of an act, read with the clock of the instance."""

    kind: Kind
    reason: str
    assignee: str | None
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """An act that was refused, as its author wanted it, and what happened meanwhile."""

    said: Said
    since: list[views_panel.Entry]


@router.get("")
def every(context: Context, request: Request) -> Response:
    """The list, as the address asks for it."""
    found = views_filter.read(request.query_params)
    visit = visits.last(context.now(), context.clock())
    if wants_fragment():
        return fragment(context, "alarms_list.html", **_listed(context, found, visit))
    answer = render(context, "alarms.html", panel=None, **_listed(context, found, visit))
    visits.remember(answer, context.now(), context.clock())
    return answer


@router.get("/{number}")
def one(context: Context, request: Request, number: Number) -> Response:
    """One alarm, beside the list."""
    found = views_filter.read(request.query_params)
    panel = _panel(context, number)
    if wants_fragment():
        return fragment(context, "alarms_panel.html", panel=panel, **_common(found))
    visit = visits.last(context.now(), context.clock())
    return render(context, "alarms.html", panel=panel, **_listed(context, found, visit))


@router.post("/acts")
def several(  # noqa: PLR0913  one argument a field
    context: Context,
    request: Request,
    *,
    kind: Annotated[Kind, Form()],
    alarm: Annotated[tuple[str, ...], Form()] = (),
    reason: Annotated[tuple[str, ...], Form()] = (),
    assignee: Annotated[str, Form(max_length=200)] = "",
    minutes: Annotated[int, Form(ge=0, le=100_000)] = 0,
) -> Response:
    """The same to several alarms, each as it was seen; what could not be done is told."""
    found = views_filter.read(request.query_params)
    words = " ".join(filter(None, reason))[:4_000]  # the form has a field for each act
    said = _said(context, kind, words, assignee, minutes=minutes)
    done, refused = 0, []
    for number, version in _numbers(alarm):
        try:
            _do(context, number, version, said)
            done += 1
        except (AlarmError, NotFoundError, ForbiddenError) as error:
            refused.append((number, str(error)))
    if not wants_fragment():
        return RedirectResponse(views_filter.address(found), status_code=HTTPStatus.SEE_OTHER)
    values = {**_common(found), "refused": refused}
    return fragment(context, "alarms_outcome.html", done=done, **values)


@router.post("/{number}/acts")
def do(  # noqa: PLR0913  one argument a field
    context: Context,
    request: Request,
    number: Number,
    *,
    kind: Annotated[Kind, Form()],
    version: Annotated[int, Form(ge=1)],
    reason: Annotated[str, Form(max_length=4_000)] = "",
    assignee: Annotated[str, Form(max_length=200)] = "",
    minutes: Annotated[int, Form(ge=0, le=100_000)] = 0,
    until: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """One act on one alarm, as its author saw it."""
    found = views_filter.read(request.query_params)
    more: dict[str, Any] = {"wanted": kind.value}
    status = HTTPStatus.OK
    try:
        said = _said(context, kind, reason, assignee, minutes=minutes, until=until)
        _do(context, number, version, said)
    except ConflictError:
        with reading(reader_of(context)):
            entries = views_panel.since(context, number, version)
        more["conflict"] = Conflict(said=said, since=entries)
        status = HTTPStatus.CONFLICT
    except AlarmError as error:
        more["refused"] = str(error)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    if wants_fragment():
        panel = _panel(context, number)
        values = {**_common(found), **more}
        return fragment(context, "alarms_panel.html", status_code=status, panel=panel, **values)
    if status is HTTPStatus.OK:
        return RedirectResponse(
            views_filter.address(found, number), status_code=HTTPStatus.SEE_OTHER
        )
    values = {**_listed(context, found, None), **more}
    panel = _panel(context, number)
    return render(context, "alarms.html", status_code=status, panel=panel, **values)


def _listed(context: RequestContext, found: Filter, visit: visits.Visit | None) -> dict[str, Any]:
    regroup(context)
    with context.owning() as owner:
        names = queries_list.names(owner)
        people = queries_list.people(owner, None) if context.person.may(Duty.OPERATE) else []
    with reading(reader_of(context)):
        look = views.look(context, found, visit.since if visit else None)
    return {
        **_common(found),
        "look": look,
        "areas": queries_list.areas(context.connection),
        "domains": sorted(context.catalogue.domains),
        "names": names,
        "people": people,
    }


def _panel(context: RequestContext, number: int) -> views_panel.Panel:
    with reading(reader_of(context)):
        return views_panel.look(context, number)


def _common(found: Filter) -> dict[str, Any]:
    return {
        "found": found,
        "address": lambda number=None, **changed: views_filter.address(found, number, **changed),
        "plain": views_filter.address(replace(Filter(), flat=found.flat)),
        "w": views_words,
        "conflict": None,
        "refused": None,
        "wanted": None,
    }


def _said(  # noqa: PLR0913  what a form says
    context: RequestContext,
    kind: Kind,
    reason: str,
    assignee: str,
    *,
    minutes: int = 0,
    until: str = "",
) -> Said:
    """With the end of a shelving: so many minutes from now, or a local time.

    Raises:
        RefusedError: the end is no time.
    """
    end = context.now() + timedelta(minutes=minutes) if minutes else None
    if kind is Kind.SHELVE and until and not minutes:
        try:
            written = datetime.fromisoformat(until)
        except ValueError as error:
            raise RefusedError(f"{until!r} is no time: expected 2024-10-10T08:00") from error
        zone = reader_of(context).zone
        end = written if written.tzinfo else written.replace(tzinfo=zone)
    return Said(kind=kind, reason=reason, assignee=assignee or None, until=end)


def _do(context: RequestContext, number: int, version: int, said: Said) -> None:
    context.require(Duty.OPERATE, alarm=number)
    if said.kind in {Kind.ESCALATE, Kind.REMIND}:
        raise RefusedError(f"{said.kind} is the system's, nobody's act")
    what = Act(
        alarm=number,
        kind=said.kind,
        author=context.person.name,
        reason=said.reason,
        version=version,
        assignee=said.assignee,
        until=said.until if said.kind is Kind.SHELVE else None,
    )
    try:
        with context.writing() as connection:
            act(connection, what, now=context.clock())
    except NoAlarmError as error:
        raise NotFoundError(str(error)) from error


def _numbers(said: Sequence[str]) -> list[tuple[int, int]]:
    """Of fields as 12:3, the number of an alarm and its version as it was seen."""
    found = []
    for one in said[:_MOST]:
        number, _, version = one.partition(":")
        if number.isdecimal() and version.isdecimal() and len(number) < 19 and len(version) < 10:
            found.append((int(number), int(version)))
    return found
