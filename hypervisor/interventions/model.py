"""Work orders, their life cycle, and the teams that carry them out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hypervisor.base.errors import ConflictError, NotFoundError
from hypervisor.base.translation import mark
from sensors._errors import TerritoryError

TITLE, TEXT = 160, 5_000  # characters
MOST_PARTS = 30
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class InterventionError(TerritoryError):
    """An order or act that is not possible so: says what was expected."""


class NoInterventionError(InterventionError, NotFoundError):
    """No such order, team or photograph, or the account does not see it."""


class ChangedError(InterventionError, ConflictError):
    """The order has changed meanwhile."""


class Priority(StrEnum):
    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class OrderState(StrEnum):
    OPEN = "open"  # no team has it
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    ON_WAY = "on_way"
    ON_SITE = "on_site"
    DONE = "done"
    REFUSED = "refused"  # by its team; dispatch gives it to another
    CANCELLED = "cancelled"


class OrderAct(StrEnum):
    """What people do to an order. `late`: an act that was noted offline and came too late."""

    CREATE = "create"
    ASSIGN = "assign"
    EDIT = "edit"
    ACCEPT = "accept"
    REFUSE = "refuse"
    DEPART = "depart"
    ARRIVE = "arrive"
    CLOSE = "close"
    CANCEL = "cancel"
    REOPEN = "reopen"
    COMMENT = "comment"
    OBSERVE = "observe"
    LATE = "late"


FINISHED = frozenset({OrderState.DONE, OrderState.CANCELLED})
UNFINISHED = tuple(state for state in OrderState if state not in FINISHED)
_TAKEN = (OrderState.ASSIGNED, OrderState.ACCEPTED, OrderState.ON_WAY)

# Act -> the states in which it is possible, and the state after it (None: the same).
# The database has the same table (migration 0120) and refuses what is not in it.
LIFE_CYCLE: Mapping[OrderAct, tuple[Sequence[OrderState], OrderState | None]] = {
    OrderAct.ASSIGN: (UNFINISHED, OrderState.ASSIGNED),
    OrderAct.EDIT: (UNFINISHED, None),
    OrderAct.ACCEPT: ((OrderState.ASSIGNED,), OrderState.ACCEPTED),
    OrderAct.REFUSE: (_TAKEN, OrderState.REFUSED),
    OrderAct.DEPART: ((OrderState.ASSIGNED, OrderState.ACCEPTED), OrderState.ON_WAY),
    OrderAct.ARRIVE: (_TAKEN, OrderState.ON_SITE),
    OrderAct.CLOSE: ((*_TAKEN, OrderState.ON_SITE), OrderState.DONE),
    OrderAct.CANCEL: (UNFINISHED, OrderState.CANCELLED),
    OrderAct.REOPEN: (tuple(FINISHED), OrderState.OPEN),
    OrderAct.COMMENT: (tuple(OrderState), None),
    OrderAct.OBSERVE: (tuple(OrderState), None),
    OrderAct.LATE: (tuple(OrderState), None),
}
TRANSITIONS: Mapping[tuple[OrderAct, OrderState | None], OrderState] = {
    (OrderAct.CREATE, None): OrderState.OPEN,
    **{
        (act, before): after or before
        for act, (befores, after) in LIFE_CYCLE.items()
        for before in befores
    },
}
IN_FIELD = frozenset(  # what agents do; dispatch may do all but `late`
    {
        *(OrderAct.ACCEPT, OrderAct.REFUSE, OrderAct.DEPART, OrderAct.ARRIVE),
        *(OrderAct.CLOSE, OrderAct.COMMENT, OrderAct.OBSERVE),
    }
)
NEED_TEXT = frozenset({OrderAct.REFUSE, OrderAct.CANCEL, OrderAct.REOPEN, OrderAct.COMMENT})

# Why an act is not possible in a state.
_REFUSALS: Mapping[OrderState, str] = {
    OrderState.OPEN: mark("order {number} has no team yet"),
    OrderState.ASSIGNED: mark("order {number} is assigned, and waits for its team"),
    OrderState.ACCEPTED: mark("order {number} is accepted already"),
    OrderState.ON_WAY: mark("the team of order {number} is on its way already"),
    OrderState.ON_SITE: mark("the team of order {number} is on site already"),
    OrderState.DONE: mark("order {number} is done already"),
    OrderState.REFUSED: mark("the team of order {number} has refused it"),
    OrderState.CANCELLED: mark("order {number} is cancelled"),
}


def clean(text: str) -> str:
    """Without characters that no printed text holds."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


Title = Annotated[str, AfterValidator(clean), Field(min_length=1, max_length=TITLE)]
Text = Annotated[str, AfterValidator(clean), Field(max_length=TEXT)]
Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-90, le=90)]


class Part(BaseModel):
    """Something that was used up or built in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(clean), Field(min_length=1, max_length=120)] = Field(
        examples=["luminaire LED 40 W"]
    )
    count: Annotated[float, Field(gt=0, le=100_000)] = 1


class NewIntervention(BaseModel):
    """A new order. Without a site: where, by place or in words. `due`: the instance's clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Title = Field(examples=["Fermer la rue des Prés"])
    description: Text = ""
    priority: Priority = Priority.NORMAL
    due: datetime | None = None
    site: str | None = Field(default=None, max_length=100, examples=["orge-mill"])
    alarm: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    commune: str | None = Field(default=None, max_length=20, examples=["91589"])
    address: Annotated[str, AfterValidator(clean), Field(max_length=300)] = ""
    lon: Lon | None = None
    lat: Lat | None = None
    team: str | None = Field(default=None, max_length=40, examples=["voirie-nord"])
    command: UUID | None = Field(
        default=None, description="A command to a device that the team carries out by hand."
    )


@dataclass(frozen=True, kw_only=True)
class Team:
    """Who is sent. `area` None: everywhere; `lon`, `lat`: its depot; `members`: account names."""

    id: int
    name: str
    title: str
    area: str | None = None
    communes: tuple[str, ...] | None = None
    lon: float | None = None
    lat: float | None = None
    retired_at: datetime | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InterventionEvent:
    """An act. `at`: when it was stored; `noted_at`: when it was done. Both the wall's clock."""

    number: int
    act: OrderAct
    state: OrderState
    at: datetime
    noted_at: datetime
    scenario_at: datetime | None
    author: str
    team: str | None
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part.model_validate(part) for part in self.details.get("parts", ()))

    @property
    def minutes(self) -> int | None:
        """Of work, as its team says."""
        return self.details.get("minutes")

    @property
    def command(self) -> str | None:
        """The command that the order was made from."""
        return self.details.get("command")

    @property
    def noted_on_clock(self) -> datetime:
        """When it was done, on the instance's clock."""
        scenario = self.details.get("noted_scenario_at")
        if scenario is not None:
            return datetime.fromisoformat(scenario)
        return self.scenario_at or self.noted_at

    @property
    def came_late(self) -> bool:
        """Whether it was noted offline, more than two minutes before it was stored."""
        return self.at - self.noted_at > timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """An order as its events leave it. `due`, `opened_at`, `closed_at`: the instance's clock.

    `lon`, `lat`: its own, else its site's.
    """

    id: int
    title: str
    description: str
    priority: Priority
    due: datetime | None
    site: str | None
    site_title: str | None
    alarm: int | None
    commune: str | None
    commune_name: str | None
    address: str
    lon: float | None
    lat: float | None
    team: str | None
    team_title: str | None
    state: OrderState
    version: int
    opened_at: datetime
    closed_at: datetime | None

    @property
    def place(self) -> str:
        """Where it is, in words: its address, site and commune."""
        parts = (self.address, self.site_title, self.commune_name)
        return ", ".join(dict.fromkeys(filter(None, parts)))

    def is_overdue(self, now: datetime) -> bool:
        """Whether it should be finished by now (the instance's clock)."""
        return self.due is not None and self.state not in FINISHED and self.due < now

    def list_acts(self) -> frozenset[OrderAct]:
        """The acts that its state allows, but `late`."""
        return frozenset(act for act, before in TRANSITIONS if before is self.state) - {
            OrderAct.LATE
        }


@dataclass(frozen=True, kw_only=True)
class InterventionHistory:
    """An order with its events, the oldest first."""

    order: Intervention
    events: tuple[InterventionEvent, ...]

    @property
    def closing(self) -> InterventionEvent | None:
        """The event that closed it, unless it was reopened."""
        if self.order.state is not OrderState.DONE:
            return None
        return next(event for event in reversed(self.events) if event.act is OrderAct.CLOSE)


def require_transition(order: Intervention, act: OrderAct) -> None:
    """Refuse what the state does not allow. Raises InterventionError."""
    if (act, order.state) not in TRANSITIONS:
        raise InterventionError(_REFUSALS[order.state], order.id)
