"""Alarms: the list by priority, the panel of one alarm, acts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.alarms import queries_list, service_list, views, views_panel, views_words
from hypervisor.alarms.errors import AlarmError, ConflictError, NoAlarmError, RefusedError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.queries_list import AlarmFilter
from hypervisor.alarms.service import Act, perform
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.readings.calm import read_alarm_calm
from hypervisor.web import times, visits
from hypervisor.web.page import Page
from hypervisor.web.rendering import alarm_domains, fragment, reader_of, render, wants_fragment
from sensors._scalars import parse_whole

router = APIRouter(prefix="/alarms")
PAGE = Page(key="alarms", title=mark("Alarms"), address="/alarms", order=11, shortcut="a")

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_MOST = 1_000  # alarms that are acted on at once


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """An act refused because the alarm has changed, and the changes since."""

    form: Act
    since: list[views_panel.Entry]


@router.get("")
def show_list(context: Context, request: Request) -> Response:
    """The list, filtered by the address."""
    filters = views.parse_filter(request.query_params)
    visit = visits.last(context.now(), context.clock())
    if wants_fragment():
        return fragment(context, "alarms_list.html", **_list_values(context, filters, visit))
    answer = render(context, "alarms.html", panel=None, **_list_values(context, filters, visit))
    visits.remember(answer, context.now(), context.clock())
    return answer


@router.get("/{number}")
def show_alarm(context: Context, request: Request, number: Number) -> Response:
    """One alarm, beside the list."""
    filters = views.parse_filter(request.query_params)
    panel = _read_panel(context, number)
    if wants_fragment():
        return fragment(context, "alarms_panel.html", panel=panel, **_common_values(filters))
    visit = visits.last(context.now(), context.clock())
    return render(context, "alarms.html", panel=panel, **_list_values(context, filters, visit))


@router.post("/acts")
def act_on_several(  # noqa: PLR0913  one argument a field
    context: Context,
    request: Request,
    *,
    kind: Annotated[ActKind, Form()],
    alarm: Annotated[tuple[str, ...], Form()] = (),
    reason: Annotated[tuple[str, ...], Form()] = (),
    assignee: Annotated[str, Form(max_length=200)] = "",
    minutes: Annotated[int, Form(ge=0, le=100_000)] = 0,
) -> Response:
    """One act on several alarms, each at the version shown; refusals are listed."""
    filters = views.parse_filter(request.query_params)
    words = " ".join(filter(None, reason))[:4_000]  # the form has a field for each act
    done, refused = 0, []
    for number, version in _read_versions(alarm):
        try:
            context.require(Duty.OPERATE, alarm=number)
            form = _read_form(context, kind, words, assignee, minutes=minutes)
            _perform(context, replace(form, alarm=number, version=version))
            done += 1
        except (AlarmError, ForbiddenError, NotFoundError) as error:
            refused.append((number, error))
    if not wants_fragment():
        return RedirectResponse(views.build_address(filters), status_code=HTTPStatus.SEE_OTHER)
    values = {**_common_values(filters), "refused": refused}
    return fragment(context, "alarms_outcome.html", done=done, **values)


@router.post("/{number}/acts")
def act_on_alarm(  # noqa: PLR0913  one argument a field
    context: Context,
    request: Request,
    number: Number,
    *,
    kind: Annotated[ActKind, Form()],
    version: Annotated[int, Form(ge=1)],
    reason: Annotated[str, Form(max_length=4_000)] = "",
    assignee: Annotated[str, Form(max_length=200)] = "",
    minutes: Annotated[int, Form(ge=0, le=100_000)] = 0,
    until: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """One act on one alarm, at the version shown."""
    context.require(Duty.OPERATE, alarm=number)
    filters = views.parse_filter(request.query_params)
    more: dict[str, Any] = {"opened": kind.value}
    status = HTTPStatus.OK
    try:
        form = _read_form(context, kind, reason, assignee, minutes=minutes, until=until)
        _perform(context, replace(form, alarm=number, version=version))
    except ConflictError:
        with reading(reader_of(context)):
            entries = views_panel.list_changes_since(context, number, version)
        more["conflict"] = Conflict(form=form, since=entries)
        status = HTTPStatus.CONFLICT
    except NoAlarmError:
        raise
    except AlarmError as error:
        more["refused"] = error
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    if wants_fragment():
        panel = _read_panel(context, number)
        values = {**_common_values(filters), **more}
        return fragment(context, "alarms_panel.html", status_code=status, panel=panel, **values)
    if status is HTTPStatus.OK:
        return RedirectResponse(
            views.build_address(filters, number), status_code=HTTPStatus.SEE_OTHER
        )
    values = {**_list_values(context, filters, None), **more}
    panel = _read_panel(context, number)
    return render(context, "alarms.html", status_code=status, panel=panel, **values)


def _list_values(
    context: RequestContext, filters: AlarmFilter, visit: visits.Visit | None
) -> dict[str, Any]:
    with context.pool.writing() as connection:
        service_list.refresh_incidents(connection)
    may = context.person.may(Duty.OPERATE)
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
        people = queries_list.list_operators(owner, {None}) if may else []
    with reading(reader_of(context)):
        look = views.build_list(context, filters, visit.since if visit else None)
    return {
        **_common_values(filters),
        "look": look,
        "calm": read_alarm_calm(context) if not look.total else None,
        "areas": queries_list.list_areas(context.connection),
        "domains": alarm_domains(),
        "names": names,
        "people": people,
    }


def _read_panel(context: RequestContext, number: int) -> views_panel.Panel:
    with reading(reader_of(context)):
        return views_panel.build_panel(context, number)


def _common_values(filters: AlarmFilter) -> dict[str, Any]:
    return {
        "filters": filters,
        "address": lambda number=None, **changed: views.build_address(filters, number, **changed),
        "plain": views.build_address(AlarmFilter(flat=filters.flat)),
        "w": views_words,
        "conflict": None,
        "refused": None,
        "opened": None,
    }


def _read_form(  # noqa: PLR0913  the fields of a form
    context: RequestContext,
    kind: ActKind,
    reason: str,
    assignee: str,
    *,
    minutes: int = 0,
    until: str = "",
) -> Act:
    """The act, of no alarm yet; the end of shelving: minutes from now, or a local time.

    Raises RefusedError: the end is not a time, or the act is the system's.
    """
    if kind in {ActKind.ESCALATE, ActKind.REMIND}:
        raise RefusedError("only the system can {kind}", kind.value)
    end = None
    if kind is ActKind.SHELVE and minutes:
        end = context.now() + timedelta(minutes=minutes)
    elif kind is ActKind.SHELVE and until:
        end = times.parse_local(until, reader_of(context).zone)
        if end is None:
            raise RefusedError("{text!r} is not a time; expected 2024-10-10T08:00", until)
    return Act(
        alarm=0,
        kind=kind,
        author=context.person.name,
        reason=reason,
        assignee=assignee or None,
        until=end,
    )


def _perform(context: RequestContext, act: Act) -> None:
    with context.writing() as connection:
        perform(connection, act, now=context.clock())


def _read_versions(fields: Sequence[str]) -> list[tuple[int, int]]:
    """(alarm, version) of fields like 12:3; malformed ones are left out."""
    numbers = []
    for value in fields[:_MOST]:
        texts = value.partition(":")
        number, version = parse_whole(texts[0]), parse_whole(texts[2], below=2**31)
        if number is not None and version is not None:
            numbers.append((number, version))
    return numbers
