"""API bodies of commands."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.commands.model import Command, CommandEvent, CommandState
from hypervisor.web.schemas import Body
from sensors._command import CommandKind
from sensors._domain import Catalogue

_Reason = Annotated[str, Field(min_length=1, max_length=1_000, examples=["the road is flooded"])]
_Values = dict[str, float | str]


class ChoiceBody(BaseModel):
    """A value that a parameter may have."""

    name: str = Field(examples=["closed"])
    label_en: str
    label_fr: str


class ParameterBody(BaseModel):
    """A number from `low` to `high`, one of `choices`, or a text of up to `longest` characters."""

    name: str = Field(examples=["position"])
    label_en: str
    label_fr: str
    unit: str | None = Field(description="UCUM.")
    low: float | None
    high: float | None
    choices: list[ChoiceBody]
    longest: int | None


class CommandKindBody(BaseModel):
    """The commands that devices of a domain understand."""

    name: str = Field(examples=["barrier"])
    domain: str = Field(examples=["mobility"])
    label_en: str
    label_fr: str
    actuator: str = Field(description="A newer command supersedes an older one of the same.")
    parameters: list[ParameterBody]
    valid_seconds: float
    confirmed_by: list[str] = Field(description="Quantities: the first that a device measures.")
    within_seconds: float = Field(description="How long a reading may take to confirm it.")
    signatures: Literal[1, 2]
    targets: list[Literal["device", "group"]]
    models: list[str] = Field(description="The device models that obey it.")


class CommandKindsBody(Body):
    """All kinds of commands."""

    kinds: list[CommandKindBody]


class CommandBody(BaseModel):
    """A command and its state. Times: the instance's clock, in an exercise the scenario's."""

    id: UUID = Field(description="Also its key on the wire.")
    batch: UUID = Field(description="Of what was given at once; of a single command its own id.")
    kind: str = Field(examples=["dim"])
    parameters: _Values
    words: str = Field(description="What is to be done.", examples=["Dim the light: 40 %"])
    device: str
    site: str
    target: str = Field(examples=["device/lamp-12"])
    author: str
    reason: str
    alarm: int | None
    rule: str | None = Field(description="That gave or proposed it.")
    signatures: Literal[1, 2]
    quantity: str | None = Field(description="Whose reading confirms it; null: none does.")
    low: float | None = Field(description="A reading from there …")
    high: float | None = Field(description="… to there confirms it.")
    drafted_at: datetime
    valid_until: datetime
    state: CommandState
    open: bool = Field(description="Whether its life goes on.")
    version: int
    changed_at: datetime
    sent_at: datetime | None
    due_at: datetime | None = Field(description="When its state ends by itself.")


class CommandEventBody(BaseModel):
    """A step of a command's life. `recorded_at`: the wall's clock."""

    number: int
    from_state: CommandState | None
    to_state: CommandState
    at: datetime
    recorded_at: datetime
    who: str = Field(description="A person, `device/<name>`, or a part of the hypervisor.")
    why: str


class CommandsBody(Body):
    """A page of commands, the latest first."""

    commands: list[CommandBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class CommandDetailBody(Body):
    """One command with its life."""

    command: CommandBody
    events: list[CommandEventBody]


class CommandPost(BaseModel):
    """What is to be done, by whom, why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[str, Field(max_length=60, examples=["dim"])]
    target: Annotated[
        str,
        Field(
            max_length=8_000,
            description="`device/NAME`, `group/NAME` or chosen devices: `devices/NAME,NAME`.",
            examples=["device/lamp-12"],
        ),
    ]
    parameters: _Values = Field(examples=[{"level": 40}])
    reason: _Reason
    key: UUID | None = Field(
        default=None, description="Yours: the same order with the same key is given once."
    )
    valid_seconds: Annotated[float, Field(ge=1, le=86_400)] | None = Field(
        default=None, description="Shorter than the kind's."
    )
    alarm: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    override: Annotated[str, Field(max_length=1_000)] = Field(
        default="", description="Why an administrator lets it pass its interlocks."
    )


class CommandStepPost(BaseModel):
    """The second signature, or an order that is taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    act: Literal["sign", "cancel"]
    reason: Annotated[str, Field(max_length=1_000)] = Field(
        default="", description="Needed to cancel."
    )


def describe_kinds(catalogue: Catalogue) -> list[CommandKindBody]:
    """All kinds, by domain."""
    return [
        _describe_kind(catalogue, domain.name, kind)
        for domain in catalogue.domains.values()
        for kind in domain.commands
    ]


def _describe_kind(catalogue: Catalogue, domain: str, kind: CommandKind) -> CommandKindBody:
    return CommandKindBody(
        name=kind.name,
        domain=domain,
        label_en=kind.label_en,
        label_fr=kind.label_fr,
        actuator=kind.actuator,
        parameters=[
            ParameterBody(
                name=parameter.name,
                label_en=parameter.label_en,
                label_fr=parameter.label_fr,
                unit=parameter.unit or None,
                low=parameter.low if parameter.is_number else None,
                high=parameter.high if parameter.is_number else None,
                choices=[
                    ChoiceBody(name=each.name, label_en=each.label_en, label_fr=each.label_fr)
                    for each in parameter.choices
                ],
                longest=parameter.longest or None,
            )
            for parameter in kind.parameters
        ],
        valid_seconds=_seconds(kind.valid_for),
        confirmed_by=[each.quantity for each in kind.confirmed_by],
        within_seconds=_seconds(kind.within),
        signatures=kind.signatures,
        targets=list(kind.targets),
        models=sorted(
            model.name for model in catalogue.models.values() if kind.name in model.commands
        ),
    )


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


def describe(command: Command, catalogue: Catalogue, language: str = "en") -> CommandBody:
    """A command as the API answers it."""
    kind = catalogue.commands.get(command.kind)
    words = command.kind if kind is None else kind.describe(command.parameters, language)
    fields = {name: getattr(command, name) for name in CommandBody.model_fields if name != "words"}
    return CommandBody(words=words, **fields)


def describe_event(event: CommandEvent) -> CommandEventBody:
    """A step as the API answers it."""
    return CommandEventBody(**vars(event))
