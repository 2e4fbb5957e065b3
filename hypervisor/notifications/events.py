"""Selects the transitions that become events. Who is notified is decided at sending."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from hypervisor.alarms.log import Alarm, Transition
from hypervisor.base.instants import text
from hypervisor.notifications.queries_outbox import Event
from rules._rule import SEVERITIES

_RANK = {name: number for number, name in enumerate(SEVERITIES)}
_OVER = {"withdrawn": "withdrawn", "merged": "withdrawn"}


def build_events(transitions: Iterable[Transition], alarms: Iterable[Alarm]) -> list[Event]:
    """The events of a batch of transitions, in order.

    A severity step that comes with the raising has no event of its own; retrospective alarms have
    none at all. Whether a revision matters is decided at sending.
    """
    numbers = {alarm.id for alarm in alarms}
    changes = [transition for transition in transitions if transition.alarm in numbers]
    new = {transition.alarm for transition in changes if transition.kind in ("raised", "split")}
    return [event for transition in changes for event in _select_event(transition, new)]


def _select_event(transition: Transition, new: set[int]) -> Iterator[Event]:
    active = bool(transition.snapshot.get("active"))
    match transition.kind:
        case "raised" | "cleared" | "revised":
            yield _build_event(transition, transition.kind)
        case "split" if active:
            yield _build_event(transition, "raised")
        case "severity" if transition.alarm not in new and _rises(transition):
            yield _build_event(transition, "severity")
        case "stale" if active and current_severity(transition.snapshot) == SEVERITIES[-1]:
            yield _build_event(transition, "stale")
        case "withdrawn" | "merged":
            yield _build_event(transition, _OVER[transition.kind])
        case _:
            pass


def current_severity(alarm: Any) -> str:
    """The present severity of an alarm's plain values."""
    steps: Sequence[Sequence[str]] = alarm.get("severity") or [["", SEVERITIES[0]]]
    return steps[-1][1]


def _rises(transition: Transition) -> bool:
    """Whether the severity step is a rise."""
    steps = [tuple(step) for step in transition.snapshot.get("severity", ())]
    step = (text(transition.event), transition.reason)
    at = steps.index(step) if step in steps else 0
    return at == 0 or _RANK.get(transition.reason, 0) > _RANK.get(steps[at - 1][1], 0)


def _build_event(transition: Transition, event: str) -> Event:
    """The key stays the same in a restored or rebuilt database, where ids differ."""
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
