"""Commands in the console: list, form with preview, one with its life; parts of other pages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_list, service_list
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.commands import form as forms
from hypervisor.commands import queries, queries_targets, service, service_people, views
from hypervisor.commands.form import CommandForm, Target
from hypervisor.commands.model import CommandState, NoCommandError
from hypervisor.commands.queries import CommandFilter
from hypervisor.commands.queries_targets import TargetFilter
from hypervisor.commands.service import MOST, SELECTION, Plan
from hypervisor.commands.service_gateways import find_ways
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import DeviceRow
from hypervisor.web import times
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, render
from sensors._command import CommandError, CommandKind
from sensors._errors import TerritoryError

router = APIRouter()
PAGE = Page(
    key="commands",
    title=mark("Commands"),
    address="/commands",
    order=16,
    shortcut="o",
    also=("/armed-rules",),
)
_PAGE = 50
_OF_PLACE = 6  # devices and commands shown beside an alarm or a site
_TARGETS = MOST  # listed, and so chosen at once
_Number = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
_Name = Annotated[str, Query(max_length=200)]
_Short = Annotated[str, Field(max_length=200)]
Which = Literal["open", "unsigned", "waiting", "unconfirmed", "lost", "all"]
_WHICH: Mapping[str, str] = {
    "open": mark("Commands under way"),
    "unsigned": mark("Commands to be signed"),
    "waiting": mark("Waiting to be sent"),
    "unconfirmed": mark("Not confirmed yet"),
    "lost": mark("Failed or expired"),
    "all": mark("All commands"),
}
_FILTERS: Mapping[str, CommandFilter] = {
    "open": CommandFilter(open=True),
    "unsigned": CommandFilter(open=True, state=CommandState.DRAFTED),
    "waiting": CommandFilter(open=True, state=CommandState.QUEUED),
    "unconfirmed": CommandFilter(open=True, states=views.UNCONFIRMED),
    "lost": CommandFilter(states=views.LOST),
    "all": CommandFilter(),
}


@router.get("/commands")
def list_commands(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    which: Which = "open",
    kind: _Name = "",
    site: _Name = "",
    device: _Name = "",
    before: _Name = "",
) -> Response:
    """Commands to the devices that the reader sees, the latest first."""
    chosen = _FILTERS[which]
    selection = CommandFilter(
        open=chosen.open,
        state=chosen.state,
        states=chosen.states,
        kind=kind or None,
        site=site or None,
        device=device or None,
    )
    rows = queries.list_commands(
        context.connection, selection, behind=_parse_before(before), limit=_PAGE + 1
    )
    last = rows[_PAGE - 1] if len(rows) > _PAGE else None
    return render(
        context,
        "commands.html",
        rows=rows[:_PAGE],
        more=f"{last.drafted_at.isoformat()} {last.id}" if last else None,
        which=which,
        choices=_WHICH,
        chosen={"kind": kind, "site": site, "device": device},
        kinds=context.catalogue.commands,
        **_words(context),
    )


def _parse_before(text: str) -> tuple[datetime, UUID] | None:
    """Where a page of the list begins; what is no such place begins at the top."""
    at, _, key = text.partition(" ")
    time = times.parse(at)
    try:
        return None if time is None else (time, UUID(key))
    except ValueError:
        return None


@router.get("/commands/part")
def show_part(context: Context, alarm: _Number = None, site: _Name = "") -> Response:
    """Commands of an alarm or a site, and what can be commanded there, inside its page."""
    if alarm is None and not site:
        return Response(status_code=204)
    selection = CommandFilter(alarm=alarm, site=None if alarm else site)
    rows = queries.list_commands(context.connection, selection, limit=_OF_PLACE + 1)
    targets = (
        [] if alarm else views.list_targets(context, TargetFilter(site=site), limit=_OF_PLACE + 1)
    )
    desk = views.Desk(context=context)
    return fragment(
        context,
        "commands_part.html",
        alarm=alarm,
        proposals=desk.list_proposals(alarm=alarm, site=site or None, limit=_OF_PLACE),
        rows=rows[:_OF_PLACE],
        more=len(rows) > _OF_PLACE,
        targets=targets[:_OF_PLACE],
        more_targets=len(targets) > _OF_PLACE,
        groups=_list_groups(context, targets),
        site=site,
        query=f"alarm={alarm}" if alarm else f"site={site}",
        **_words(context),
    )


class TargetQuery(BaseModel):
    """Where a command begins: its target, or what narrows the list of devices that obey.

    `device`: chosen in that list. `domain`, `area`, `alarmed`, `box`: what a map shows; the box is
    west, south, east, north of its view, °.
    """

    target: Target = ""
    device: list[_Short] = Field(default=[], max_length=MOST)
    kind: _Short = ""
    alarm: int | None = Field(default=None, ge=1, le=2**63 - 1)
    site: _Short = ""
    q: Annotated[str, Field(max_length=100)] = ""
    domain: list[_Short] = Field(default=[], max_length=100)
    area: Annotated[str, Field(max_length=20)] = ""
    alarmed: bool = False
    box: Annotated[str, Field(max_length=100)] = ""

    @property
    def chosen(self) -> str:
        """The target, if one is chosen."""
        if len(self.device) > 1:
            return f"{SELECTION}/{','.join(self.device)}"
        return f"device/{self.device[0]}" if self.device else self.target

    @property
    def of_map(self) -> bool:
        return bool(self.domain or self.area or self.alarmed or self.box)

    def select(self, near: str | None) -> TargetFilter:
        """What is listed, the nearest to a site first; a box that is none is left out."""
        try:
            west, south, east, north = (float(part) for part in self.box.split(","))
            box = (west, south, east, north)
        except ValueError:
            box = None
        return TargetFilter(
            site=self.site or None,
            near=near,
            text=self.q.strip() or None,
            domains=tuple(self.domain),
            area=self.area or None,
            alarmed=self.alarmed,
            box=box,
        )


@router.get("/commands/new")
def show_new(context: Context, query: Annotated[TargetQuery, Query()]) -> Response:
    """The form of a command; without a target the devices that obey, nearest to an alarm first."""
    context.require_anywhere(Duty.COMMAND)
    if query.chosen:
        return _render_form(context, forms.begin(query.kind, query.chosen, query.alarm))
    near = None
    if query.alarm is not None:
        near = service_list.get_alarm(context.connection, query.alarm, wall=context.clock()).site
    targets = views.list_targets(context, query.select(near), limit=_TARGETS + 1)
    return render(
        context,
        "command_targets.html",
        targets=targets[:_TARGETS],
        more=len(targets) > _TARGETS,
        groups=_list_groups(context, targets) if query.site else [],
        chosen=query,
        near=near,
        **_words(context),
    )


@router.get("/commands/preview")
def show_preview(context: Context, entered: Annotated[CommandForm, Query()]) -> Response:
    """What the fields would do, in words; or why it cannot be done."""
    context.require_anywhere(Duty.COMMAND)
    return fragment(context, "command_preview.html", **_preview(context, entered))


@router.post("/commands")
def create(context: Context, entered: Annotated[CommandForm, Form()]) -> Response:
    """Give it, or show the form again with what is wrong."""
    context.require_anywhere(Duty.COMMAND)
    try:
        commands = service_people.give_order(context, forms.parse_order(context, entered))
    except CommandError as error:
        context.connection.rollback()
        return _render_form(context, entered, wrong=error)
    return RedirectResponse(f"/commands/{commands[0].batch}", status_code=303)


@router.get("/commands/{key}")
def show_command(context: Context, key: UUID) -> Response:
    """A command with its life, or all of what was given at once."""
    return _render_command(context, key)


@router.post("/commands/{key}/acts")
def act(
    context: Context,
    key: UUID,
    act: Annotated[Literal["sign", "cancel"], Form()],
    reason: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """The second signature, or taken back before it is sent."""
    try:
        if act == "sign":
            service_people.sign_order(context, key, remark=reason)
        else:
            service_people.cancel_order(context, key, reason=reason)
    except CommandError as error:
        context.connection.rollback()
        return _render_command(context, key, wrong=error)
    return RedirectResponse(f"/commands/{key}", status_code=303)


def _list_groups(
    context: RequestContext, targets: list[queries_targets.TargetRow]
) -> list[tuple[str, str]]:
    """The groups of the targets' site, where something there obeys as a group."""
    kinds = {name for row in targets for name in context.catalogue.models[row.model].commands}
    if not any("group" in context.catalogue.commands[name].targets for name in kinds):
        return []
    return queries_targets.list_groups(context.connection, targets[0].site, limit=_OF_PLACE)


def _render_form(
    context: RequestContext, entered: CommandForm, *, wrong: CommandError | None = None
) -> Response:
    names = service.list_named(entered.target)
    devices = queries_devices.list_devices(context.connection, context.now(), names=names)
    there = {device.name for device in devices}
    for missing in (name for name in names if name not in there):
        raise NoCommandError("there is no device {name!r}", missing)
    for subject in service_people.list_subjects(entered.target):
        context.require(Duty.COMMAND, subject=subject)
    models = [device.model for device in devices]
    kinds = forms.list_kinds(context.catalogue, models, entered.target)
    chosen = next((kind for kind in kinds if kind.name == entered.kind), None)
    if chosen is None and kinds and not entered.kind:
        chosen = kinds[0]
        entered = entered.change(kind=chosen.name)
    return render(
        context,
        "command_form.html",
        status_code=422 if wrong else 200,
        wrong=refusal(wrong) if wrong else "",
        entered=entered,
        device=devices[0] if len(devices) == 1 else None,
        kinds=kinds,
        kind=chosen,
        longest_minutes=_find_longest(context, chosen, devices),
        **_preview(context, entered),
    )


def _find_longest(
    context: RequestContext, kind: CommandKind | None, devices: Sequence[DeviceRow]
) -> float:
    """For how many minutes a command may be valid: longer where a device sleeps."""
    if kind is None:
        return 0.0
    ways = find_ways(context.connection, context.catalogue, devices, context.now())
    return (kind.valid_for + ways.longest_wait).total_seconds() / 60


def _preview(context: RequestContext, entered: CommandForm) -> dict[str, Any]:
    """The plan of what was entered, or why there is none."""
    plan: Plan | None = None
    problem = ""
    if any(entered.values.values()):
        try:
            order = forms.parse_order(context, entered.change(reason=entered.reason or "-"))
            plan = service_people.plan_order(context, order)
        except TerritoryError as error:
            context.connection.rollback()
            problem = refusal(error)
    return {
        "plan": plan,
        "problem": problem,
        "first": plan and plan.commands[0],
        "planned_kind": plan and context.catalogue.commands[plan.commands[0].kind],
        **_words(context),
    }


def _render_command(
    context: RequestContext, key: UUID, *, wrong: Exception | None = None
) -> Response:
    commands = queries.list_of(context.connection, key)
    if not commands:
        raise NoCommandError("there is no command {id}", key)
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    desk = views.Desk(context=context)
    first = commands[0]
    single = first if len(commands) == 1 else None
    return render(
        context,
        "command.html",
        status_code=422 if wrong else 200,
        wrong=refusal(wrong) if wrong else "",
        command=first,
        key=key,
        commands=commands,
        single=single,
        counts=views.count_states(commands),
        states=views.STATES,
        cancellable=[each for each in commands if desk.may_cancel(each)],
        events=queries.list_events(context.connection, single.id) if single else [],
        names=names,
        **_words(context),
    )


def _words(context: RequestContext) -> Mapping[str, Any]:
    return {"desk": views.Desk(context=context)}
