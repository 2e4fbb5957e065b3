"""What a command is, the states of its life, and which may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from hypervisor.base.errors import NotFoundError
from hypervisor.base.translation import mark
from sensors._command import CommandError, Value

SENDER = "sender"  # who has done it, where no person and no device has


class NoCommandError(CommandError, NotFoundError):
    """No such command, or the account does not see it."""


class CommandState(StrEnum):
    DRAFTED = "drafted"  # waits for its second signature
    QUEUED = "queued"
    SENT = "sent"  # given to the broker, which has not said that it has it
    ACCEPTED = "accepted"  # by the network
    ACKNOWLEDGED = "acknowledged"  # by the device
    CONFIRMED = "confirmed"  # by a reading
    EXPIRED = "expired"
    REFUSED = "refused"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


# The life of a command. The database enforces the same table (`command_step`). A device's
# acknowledgement may come after a command has expired: what it did is then known after all.
STEPS: Mapping[CommandState, frozenset[CommandState]] = {
    CommandState.DRAFTED: frozenset(
        {CommandState.QUEUED, CommandState.CANCELLED, CommandState.EXPIRED}
    ),
    CommandState.QUEUED: frozenset(
        {
            CommandState.SENT,
            CommandState.REFUSED,
            CommandState.CANCELLED,
            CommandState.EXPIRED,
            CommandState.SUPERSEDED,
        }
    ),
    CommandState.SENT: frozenset(
        {
            CommandState.QUEUED,  # the broker never got it
            CommandState.ACCEPTED,
            CommandState.ACKNOWLEDGED,
            CommandState.CONFIRMED,  # though a network server said nothing of it
            CommandState.REFUSED,
            CommandState.FAILED,
            CommandState.EXPIRED,
            CommandState.SUPERSEDED,
        }
    ),
    CommandState.ACCEPTED: frozenset(
        {
            CommandState.ACKNOWLEDGED,
            CommandState.CONFIRMED,
            CommandState.REFUSED,
            CommandState.FAILED,
            CommandState.EXPIRED,
            CommandState.SUPERSEDED,
        }
    ),
    CommandState.ACKNOWLEDGED: frozenset(
        {CommandState.CONFIRMED, CommandState.FAILED, CommandState.SUPERSEDED}
    ),
    CommandState.EXPIRED: frozenset({CommandState.ACKNOWLEDGED}),
    **dict.fromkeys(
        (
            CommandState.CONFIRMED,
            CommandState.REFUSED,
            CommandState.FAILED,
            CommandState.SUPERSEDED,
            CommandState.CANCELLED,
        ),
        frozenset[CommandState](),
    ),
}

# Why a person's act is not possible in a state; who or what could release it.
REFUSALS: Mapping[CommandState, str] = {
    CommandState.DRAFTED: mark("command {id} waits for its second signature"),
    CommandState.QUEUED: mark("command {id} is signed already, and is sent at once"),
    CommandState.EXPIRED: mark("command {id} has expired: give a new one"),
    CommandState.REFUSED: mark(
        "command {id} was refused: its history says by whom; give a new one"
    ),
    CommandState.FAILED: mark("command {id} has failed: its history says why; give a new one"),
    CommandState.SUPERSEDED: mark("a newer command has superseded command {id}"),
    CommandState.CANCELLED: mark("command {id} was cancelled: give a new one"),
}
_SENT = mark("command {id} is {state}: what was sent cannot be taken back, give a new command")


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The reading that confirms a command: of `quantity`, from `low` to `high`."""

    quantity: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class NewCommand:
    """A command as it is drafted. `id` is its key on the wire."""

    id: UUID
    batch: UUID
    kind: str
    parameters: Mapping[str, Value]
    actuator: str
    device: str
    target: str
    author: str
    reason: str
    alarm: int | None
    rule: str | None
    signatures: int
    expected: Expectation | None
    within: timedelta
    drafted_at: datetime
    valid_until: datetime


@dataclass(frozen=True, kw_only=True)
class Command:
    """A row of the table, with the names of its device and site, and the site's commune.

    `due_at`: when its state ends by itself; None: its life is over.
    """

    id: UUID
    batch: UUID
    kind: str
    parameters: Mapping[str, Value]
    device: str
    site: str
    site_title: str
    commune: str | None
    target: str
    author: str
    reason: str
    alarm: int | None
    rule: str | None
    signatures: int
    quantity: str | None
    low: float | None
    high: float | None
    drafted_at: datetime
    valid_until: datetime
    state: CommandState
    version: int
    changed_at: datetime
    sent_at: datetime | None
    due_at: datetime | None

    @property
    def open(self) -> bool:
        return self.due_at is not None


@dataclass(frozen=True, kw_only=True)
class CommandEvent:
    """A step of a command's life. `at`: the instance's clock; `recorded_at`: the wall's."""

    number: int
    from_state: CommandState | None
    to_state: CommandState
    at: datetime
    recorded_at: datetime
    who: str
    why: str


@dataclass(frozen=True, kw_only=True)
class CommandHistory:
    """A command with its events, the oldest first."""

    command: Command
    events: tuple[CommandEvent, ...]

    @property
    def countersigned(self) -> CommandEvent | None:
        """The second signature; None: it takes one alone, or waits for it."""
        if self.command.signatures == 1:
            return None
        return self._find_first(CommandState.QUEUED)

    @property
    def sent(self) -> CommandEvent | None:
        return self._find_first(CommandState.SENT)

    @property
    def last(self) -> CommandEvent:
        return self.events[-1]

    def _find_first(self, state: CommandState) -> CommandEvent | None:
        return next((event for event in self.events if event.to_state is state), None)


def make_key(batch: UUID, device: str) -> UUID:
    """The key of a device's command in a batch: given again, it is the same command."""
    return uuid5(batch, device)


def refuse_step(command: Command) -> CommandError:
    """Why a person cannot sign or cancel this command any more."""
    refusal = REFUSALS.get(command.state)
    if refusal is None:
        return CommandError(_SENT, str(command.id), command.state.value)
    return CommandError(refusal, str(command.id))
