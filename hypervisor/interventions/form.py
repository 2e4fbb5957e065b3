"""The forms of an order and of an act, as they were entered."""

import re
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hypervisor.access import queries_places, queries_roles
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.alarms import service_list
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.translation import translate as _
from hypervisor.commands import queries as command_queries
from hypervisor.commands.model import NoCommandError
from hypervisor.commands.views import STATES, Desk
from hypervisor.interventions.model import InterventionError, NewIntervention, OrderAct, Priority
from hypervisor.interventions.schemas import ActPost
from hypervisor.web.filters import full
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import reader_of
from hypervisor.web.times import local
from sensors._scalars import parse_whole

_Short = Annotated[str, Field(max_length=1_000)]
_Long = Annotated[str, Field(max_length=20_000)]  # the order says what is too long
_PLACE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,; ]\s*(-?\d+(?:\.\d+)?)\s*")
_PART = re.compile("(.+?)(?: ?[x*\N{MULTIPLICATION SIGN}] ?(\\d+(?:[.,]\\d+)?))?")
_Model = TypeVar("_Model", bound=BaseModel)
_PRIORITY = {"critical": "urgent", "major": "high", "minor": "normal", "info": "low"}


class OrderForm(BaseModel):
    """What stands in the fields of an order. `place`: latitude, longitude."""

    model_config = ConfigDict(frozen=True)

    title: _Long = ""
    description: _Long = ""
    priority: _Short = "normal"
    due: _Short = ""
    site: _Short = ""
    commune: _Short = ""
    address: _Short = ""
    place: _Short = ""
    team: _Short = ""
    alarm: _Short = ""
    command: _Short = ""

    def change(self, **fields: Any) -> Self:
        """With other values in some fields."""
        return self.model_copy(update=fields)

    @property
    def alarm_number(self) -> int | None:
        """The alarm that the order is about."""
        return parse_whole(self.alarm)


class ActForm(BaseModel):
    """What stands in the fields of an act. `parts`: one a line, as `padlock x 2`."""

    model_config = ConfigDict(frozen=True)

    act: OrderAct
    version: Annotated[int, Field(ge=1)] | None = None
    text: _Long = ""
    team: _Short = ""
    title: _Long = ""
    description: _Long = ""
    priority: _Short = ""
    due: _Short = ""
    parts: _Long = ""
    minutes: _Short = ""


def begin(context: RequestContext, alarm: int | None, site: str) -> OrderForm:
    """A new order: about an alarm, at a site, or at no place yet. Raises NoAlarmError."""
    if alarm is None:
        return OrderForm(site=site)
    handled = service_list.get_alarm(context.connection, alarm, wall=context.clock())
    french = reader_of(context).language == "fr"
    place = queries_places.find_alarm_commune(context.connection, alarm)
    return OrderForm(
        title=((handled.title_fr if french else None) or handled.title)[:160],
        priority=_PRIORITY[handled.present_severity],
        site=handled.site or "",
        commune=(place[0] or "") if place and not handled.site else "",
        alarm=str(alarm),
    )


def begin_from_command(context: RequestContext, key: UUID) -> OrderForm:
    """An order to do by hand what a command did not: where, and why. Raises NoCommandError."""
    commands = command_queries.list_of(context.connection, key)
    if not commands:
        raise NoCommandError("there is no command {id}", key)
    command = commands[0]
    what = Desk(context=context).describe(command)
    last = command_queries.list_events(context.connection, command.id)[-1]
    problem = _("%(device)s, command of %(time)s: %(state)s") % {
        "device": command.device,
        "time": full(command.drafted_at),
        "state": _(STATES[command.state]).lower(),
    }
    why = refusal(last.why) if last.why else ""
    return OrderForm(
        title=(_("By hand: %(what)s") % {"what": what[:1].lower() + what[1:]})[:160],
        description=f"{problem} ({why})" if why else problem,
        priority=Priority.URGENT.value,
        site=command.site,
        alarm=str(command.alarm or "") if _sees(context, command.alarm) else "",
        command=str(command.id),
    )


def _sees(context: RequestContext, alarm: int | None) -> bool:
    """Whether the person may order work on this alarm."""
    if alarm is None:
        return False
    try:
        context.require(Duty.OPERATE, alarm=alarm)
    except (NotFoundError, ForbiddenError):
        return False
    return True


def parse_order(context: RequestContext, form: OrderForm) -> NewIntervention:
    """What was entered. Raises InterventionError: something is not as expected."""
    lat, lon = parse_place(form.place)
    return _validate(
        NewIntervention,
        {
            **{name: getattr(form, name) for name in ("title", "description", "priority")},
            "address": form.address,
            "due": _parse_due(context, form.due),
            "site": form.site.strip() or None,
            "commune": form.commune or None,
            "alarm": form.alarm_number,
            "command": form.command or None,
            "team": form.team or None,
            "lat": lat,
            "lon": lon,
        },
    )


def parse_act(context: RequestContext, form: ActForm) -> ActPost:
    """What was entered. Raises InterventionError: something is not as expected."""
    fields: dict[str, Any] = {"act": form.act, "version": form.version, "text": form.text}
    if form.act is OrderAct.ASSIGN:
        fields["team"] = form.team or None
    elif form.act is OrderAct.EDIT:
        fields |= {name: getattr(form, name) for name in ("title", "description", "priority")}
        fields["due"] = _parse_due(context, form.due)
    elif form.act is OrderAct.CLOSE:
        fields["parts"] = [_parse_part(line) for line in form.parts.splitlines() if line.strip()]
        fields["minutes"] = form.minutes.strip() or None
    return _validate(ActPost, fields)


def list_communes(context: RequestContext) -> list[tuple[str, str]]:
    """(code, name) of the communes in which the person may order work."""
    held = context.person.territory(Duty.OPERATE)
    return [
        (code, name)
        for code, kind, name, _ in queries_roles.list_areas(context.connection)
        if kind == "commune" and held.holds(code)
    ]


def _parse_due(context: RequestContext, text: str) -> Any:
    if not text.strip():
        return None
    due = local(text, context)
    if due is None:
        raise InterventionError("expected a day and a time, not {text!r}", text)
    return due


def parse_place(text: str) -> tuple[str | None, str | None]:
    """(latitude, longitude) as they were entered; empty: none. Raises InterventionError."""
    if not text.strip():
        return None, None
    match = _PLACE.fullmatch(text)
    if match is None:
        raise InterventionError(
            "expected latitude and longitude, such as 48.6320, 2.3012, not {text!r}", text
        )
    return match[1], match[2]


def _parse_part(line: str) -> dict[str, str]:
    match = _PART.fullmatch(" ".join(line.split()))
    name, count = (match[1], match[2]) if match else (line, None)
    return {"name": name, "count": (count or "1").replace(",", ".")}


def _validate(model: type[_Model], fields: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        where = " ".join(str(part) for part in error.errors()[0]["loc"])
        raise InterventionError("{where}: not as expected", where) from error
