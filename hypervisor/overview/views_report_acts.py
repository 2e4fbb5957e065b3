"""Commands and work orders in the report, and its timeline with all that was done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from hypervisor.base.translation import mark
from hypervisor.commands.model import (
    SENDER,
    Command,
    CommandEvent,
    CommandHistory,
    CommandState,
)
from hypervisor.commands.views import STATES, count_states
from hypervisor.interventions.model import (
    Intervention,
    InterventionEvent,
    InterventionHistory,
    OrderAct,
)
from hypervisor.logbook.views import Line

ORDERED, COUNTERSIGNED = mark("Ordered"), mark("Second signature")
_OF_TRANSPORT = frozenset({CommandState.QUEUED, CommandState.ACCEPTED})
_BY_DEVICE = frozenset({CommandState.ACKNOWLEDGED, CommandState.CONFIRMED})


@dataclass(frozen=True, kw_only=True)
class GivenCommand:
    """What was ordered at once: one command, or those of a group's devices."""

    histories: Sequence[CommandHistory]

    @property
    def command(self) -> Command:
        return self.histories[0].command

    @property
    def single(self) -> CommandHistory | None:
        return self.histories[0] if len(self.histories) == 1 else None

    @property
    def address(self) -> str:
        return f"/commands/{self.command.id if self.single else self.command.batch}"

    @property
    def countersigned(self) -> CommandEvent | None:
        return self.histories[0].countersigned

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many of its commands are in which state."""
        return count_states([history.command for history in self.histories])


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A step of a command. `words`: what it was, in English; `who`: the person who did it."""

    given: GivenCommand
    event: CommandEvent
    words: str

    @property
    def who(self) -> str:
        who = self.event.who
        return "" if who == SENDER or who.startswith("device/") else who

    @property
    def why(self) -> str:
        """A reason; what a device or reading said is in `words`."""
        return "" if self.event.to_state in _BY_DEVICE else self.event.why


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """An act on a work order. `pictured`: its photograph is kept."""

    order: Intervention
    event: InterventionEvent
    pictured: bool


@dataclass(frozen=True, kw_only=True)
class ReportLine:
    """A line of the timeline: of the log or an alarm, of a command, or of a work order."""

    at: datetime
    line: Line | None = None
    command: CommandLine | None = None
    order: OrderLine | None = None


def group_commands(histories: Iterable[CommandHistory]) -> list[GivenCommand]:
    """What was ordered, in order."""
    ordered = sorted(
        histories, key=lambda history: (history.command.drafted_at, history.command.batch)
    )
    return [
        GivenCommand(histories=list(histories))
        for _, histories in groupby(ordered, key=lambda history: history.command.batch)
    ]


def build_timeline(
    lines: Iterable[Line],
    commands: Iterable[GivenCommand],
    orders: Iterable[InterventionHistory],
    photos: frozenset[tuple[int, int]],
) -> list[ReportLine]:
    """All lines, the oldest first. `photos`: order and event of those that are kept."""
    merged = [ReportLine(at=line.at, line=line) for line in lines]
    merged += [
        ReportLine(at=step.event.at, command=step)
        for given in commands
        for step in _list_steps(given)
    ]
    merged += [
        ReportLine(
            at=event.noted_on_clock,
            order=OrderLine(
                order=history.order,
                event=event,
                pictured=(history.order.id, event.number) in photos,
            ),
        )
        for history in orders
        for event in history.events
        if event.act is not OrderAct.EDIT
    ]
    return sorted(merged, key=lambda line: line.at)


def _list_steps(given: GivenCommand) -> Iterator[CommandLine]:
    """What people and devices did; of a group's commands what people did."""
    history = given.histories[0]
    for event in history.events:
        words = _name_step(event, given.countersigned)
        by_people = event.to_state is CommandState.DRAFTED or event is given.countersigned
        if words is not None and (given.single or by_people):
            yield CommandLine(given=given, event=event, words=words)


def _name_step(event: CommandEvent, countersigned: CommandEvent | None) -> str | None:
    """What a step was; None: a report does not say it."""
    if event is countersigned:
        return COUNTERSIGNED
    if event.to_state is CommandState.DRAFTED:
        return ORDERED
    return None if event.to_state in _OF_TRANSPORT else STATES[event.to_state]
