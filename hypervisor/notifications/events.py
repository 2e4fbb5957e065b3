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
    known = {alarm.id for alarm in alarms}
    told = [transition for transition in transitions if transition.alarm in known]
    new = {one.alarm for one in told if one.kind in ("raised", "split")}
    return [event for one in told for event in _event(one, new)]


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


def _rises(one: Transition) -> bool:
    """Whether the step at that time leads up: from the one before it in the log."""
    steps = [tuple(step) for step in one.snapshot.get("severity", ())]
    step = (text(one.event), one.reason)
    at = steps.index(step) if step in steps else 0
    return at == 0 or _RANK.get(one.reason, 0) > _RANK.get(steps[at - 1][1], 0)


def _made(one: Transition, event: str) -> Event:
    """Its key is the same in a database that was restored or rebuilt, where numbers differ."""
    body = {
        "alarm": dict(one.snapshot),
        "transition": one.kind,
        "event_time": one.event,
        "reason": one.reason,
    }
    named = ":".join(quote(one.snapshot[key], safe="/") for key in ("rule", "subject"))
    return Event(
        alarm=one.alarm,
        event=event,
        at=one.noticed,
        body=body,
        key=f"{named}:{one.snapshot['began']}:{event}",
        numbered=True,
    )
