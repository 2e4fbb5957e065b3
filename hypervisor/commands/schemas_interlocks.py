"""API bodies of interlocks."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.commands import queries_interlocks
from hypervisor.commands.interlock_trials import InterlockTrial, Spell
from hypervisor.database.connect import Connection
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant
from sensors._domain import Catalogue

_Condition = Annotated[
    str, Field(min_length=1, max_length=2_000, examples=["level < threshold.alert"])
]
_Kind = Annotated[str, Field(max_length=60, examples=["barrier"])]


class InterlockBody(BaseModel):
    """A condition that commands must meet. `owner` null: the domain's default."""

    owner: str | None = Field(examples=["device/barrier-1"])
    kind: str = Field(examples=["barrier"])
    choice: str = Field(description="Only commands with this choice; empty: all.")
    condition: str = Field(examples=["level < threshold.alert"])
    place: str | None = Field(description="The site whose readings it asks; null: its own.")
    effective: datetime | None
    author: str | None
    reason: str | None


class InterlocksBody(Body):
    """The interlocks in force."""

    interlocks: list[InterlockBody]


class InterlockPut(BaseModel):
    """An interlock of a site or device, or with a condition null its end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: Annotated[str, Field(max_length=200, examples=["device/barrier-1"])]
    kind: _Kind
    choice: Annotated[str, Field(max_length=60, examples=["open"])] = ""
    condition: _Condition | None
    place: Annotated[str, Field(max_length=200)] | None = None
    effective: Instant | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


class InterlockTrialPost(BaseModel):
    """A condition to be tried at a site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    condition: _Condition
    place: Annotated[str, Field(max_length=200, examples=["orge-mill"])]


class InterlockSpellBody(BaseModel):
    """From when on it says what; `holds` null: that is not known, and commands are refused."""

    at: datetime
    holds: bool | None
    seen: str = Field(examples=["level 2.31 m, threshold.alert 2.1 m"])


class InterlockTrialBody(Body):
    """What it says now, and in the last event there."""

    now: InterlockSpellBody
    began: datetime | None
    ended: datetime | None
    event: list[InterlockSpellBody]


def describe_interlocks(connection: Connection, catalogue: Catalogue) -> list[InterlockBody]:
    """The defaults, then those of sites and devices that the connection sees."""
    defaults = [
        InterlockBody(
            owner=None,
            kind=kind.name,
            choice=each.choice,
            condition=each.condition,
            place=None,
            effective=None,
            author=None,
            reason=None,
        )
        for kind in catalogue.commands.values()
        for each in kind.interlocks
    ]
    return defaults + [
        InterlockBody(
            owner=row.site if row.device is None else f"device/{row.device}",
            kind=row.kind,
            choice=row.choice,
            condition=row.condition or "",
            place=row.place,
            effective=row.effective,
            author=row.author,
            reason=row.reason,
        )
        for row in queries_interlocks.list_in_force(connection)
    ]


def describe_trial(mode: object, trial: InterlockTrial) -> InterlockTrialBody:
    """A trial as the API gives it."""
    return InterlockTrialBody.model_validate(
        {
            "mode": mode,
            "now": _spell(trial.now),
            "began": trial.began,
            "ended": trial.ended,
            "event": [_spell(spell) for spell in trial.event],
        }
    )


def _spell(spell: Spell) -> InterlockSpellBody:
    return InterlockSpellBody(at=spell.at, holds=spell.holds, seen=spell.seen)
