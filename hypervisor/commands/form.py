"""The form of a command, as it was entered."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.access.context import RequestContext
from hypervisor.commands.service import Order
from sensors._command import CommandError, CommandKind
from sensors._domain import Catalogue
from sensors._scalars import parse_whole

_Short = Annotated[str, Field(max_length=1_000)]
Target = Annotated[str, Field(max_length=8_000)]  # as many devices as may be chosen
_VALUE = "p-"  # before the name of a parameter


class CommandForm(BaseModel):
    """What stands in the fields; a parameter's field is `p-` and its name.

    `key`: made with the form, so that a form sent twice orders once.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: _Short = ""
    target: Target = ""
    alarm: _Short = ""
    key: _Short = ""
    reason: _Short = ""
    minutes: _Short = ""

    @property
    def values(self) -> dict[str, str]:
        """The parameters by name."""
        return {
            name.removeprefix(_VALUE): str(value)
            for name, value in (self.model_extra or {}).items()
            if name.startswith(_VALUE)
        }

    @property
    def alarm_number(self) -> int | None:
        """The alarm that the command answers."""
        return parse_whole(self.alarm)

    def change(self, **fields: Any) -> Self:
        """With other values in some fields."""
        return self.model_copy(update=fields)


def begin(kind: str, target: str, alarm: int | None) -> CommandForm:
    """An empty form."""
    return CommandForm(
        kind=kind, target=target, alarm="" if alarm is None else str(alarm), key=str(uuid4())
    )


def list_kinds(
    catalogue: Catalogue, models: Iterable[str | None], target: str
) -> list[CommandKind]:
    """What can be done to a target: to all its devices of these models, or to a group."""
    what = target.partition("/")[0]
    described = [catalogue.models.get(each or "") for each in models]
    obeyed = [set(model.commands if model else ()) for model in described]
    return [
        kind
        for kind in catalogue.commands.values()
        if ("device" if what == "device" else "group") in kind.targets
        and (what == "group" or (obeyed and all(kind.name in names for names in obeyed)))
    ]


def parse_order(context: RequestContext, form: CommandForm) -> Order:
    """What was entered. Raises CommandError: something is not as expected."""
    return Order(
        kind=form.kind,
        target=form.target,
        parameters={
            name: value.replace(",", ".") if _is_number(context, form.kind, name) else value
            for name, value in form.values.items()
        },
        author=context.person.name,
        reason=form.reason,
        key=_parse_key(form.key),
        valid_for=_parse_minutes(form.minutes),
        alarm=form.alarm_number,
    )


def _is_number(context: RequestContext, kind: str, name: str) -> bool:
    described = context.catalogue.commands.get(kind)
    parameters = () if described is None else described.parameters
    return any(each.is_number for each in parameters if each.name == name)


def _parse_key(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise CommandError("{where}: not as expected", "key") from error


def _parse_minutes(text: str) -> timedelta | None:
    if not text.strip():
        return None
    try:
        return timedelta(minutes=float(text.replace(",", ".")))
    except (ValueError, OverflowError) as error:
        raise CommandError("expected a number of minutes, not {text!r}", text) from error
