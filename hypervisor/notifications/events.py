"""Which transitions are told: pure. Whether anybody is told is decided when it is sent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from hypervisor.alarms.queries import Alarm, Transition
from hypervisor.base.instants import text
from hypervisor.notifications.queries_outbox import Event
from rules._rule import SEVERITIES

_RANK = {name: number for number, name in enumerate(SEVERITIES)}
_OVER = {"withdrawn": "withdrawn", "merged": "withdrawn"}


def events_of(transitions: Iterable[Transition], alarms: Iterable[Alarm]) -> list[Event]:
    """The events of one batch, in the order of its transitions.

    A rise of severity that comes with the alarm's raising is told by it. What was found late and
    was over (retrospective) is not told; of a revision only that there is one: whether it matters
    now, or people were told what it takes back, is known when it is sent.
    """
    numbers = {alarm.id for alarm in alarms}
    changes = [transition for transition in transitions if transition.alarm in numbers]
    new = {transition.alarm for transition in changes if transition.kind in ("raised", "split")}
    return [event for transition in changes for event in _event(transition, new)]


def _event(transition: Transition, new: set[int]) -> Iterator[Event]:
    active = bool(transition.snapshot.get("active"))
    match transition.kind:
        case "raised" | "cleared" | "revised":
            yield _made(transition, transition.kind)
        case "split" if active:
            yield _made(transition, "raised")
        case "severity" if transition.alarm not in new and _rises(transition):
            yield _made(transition, "severity")
        case "stale" if active and severity_now(transition.snapshot) == SEVERITIES[-1]:
            yield _made(transition, "stale")
        case "withdrawn" | "merged":
            yield _made(transition, _OVER[transition.kind])
        case _:
            pass


def severity_now(alarm: Any) -> str:
    """The severity that stands, of an alarm as plain values."""
    steps: Sequence[Sequence[str]] = alarm.get("severity") or [["", SEVERITIES[0]]]
    return steps[-1][1]


def _rises(transition: Transition) -> bool:
    """Whether the step at that time leads up: from the one before it in the log."""
    steps = [tuple(step) for step in transition.snapshot.get("severity", ())]
    step = (text(transition.event), transition.reason)
    at = steps.index(step) if step in steps else 0
    return at == 0 or _RANK.get(transition.reason, 0) > _RANK.get(steps[at - 1][1], 0)


def _made(transition: Transition, event: str) -> Event:
    """Its key is the same in a database that was restored or rebuilt, where numbers differ."""
    body = {
        "alarm": dict(transition.snapshot),
        "transition": transition.kind,
        "event_time": transition.event,
        "reason": transition.reason,
    }
    named = ":".join(quote(transition.snapshot[key], safe="/") for key in ("rule", "subject"))
    return Event(
        alarm=transition.alarm,
        event=event,
        at=transition.noticed,
        body=body,
        key=f"{named}:{transition.snapshot['began']}:{event}",
        numbered=True,
    )
