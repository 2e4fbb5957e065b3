"""Orders in the reader's language: states, priorities, acts, parts."""

from collections.abc import Mapping

from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.interventions.model import (
    InterventionEvent,
    OrderAct,
    OrderState,
    Priority,
)
from hypervisor.web.filters import duration

STATES: Mapping[OrderState, str] = {
    OrderState.OPEN: mark("No team yet"),
    OrderState.ASSIGNED: mark("Given to its team"),
    OrderState.ACCEPTED: mark("Accepted by its team"),
    OrderState.ON_WAY: mark("On the way"),
    OrderState.ON_SITE: mark("On site"),
    OrderState.DONE: mark("Work done"),
    OrderState.REFUSED: mark("Refused by its team"),
    OrderState.CANCELLED: mark("Order cancelled"),
}
PRIORITIES: Mapping[Priority, str] = {
    Priority.URGENT: mark("Urgent"),
    Priority.HIGH: mark("High priority"),
    Priority.NORMAL: mark("Normal priority"),
    Priority.LOW: mark("Low priority"),
}
BUTTONS: Mapping[OrderAct, str] = {
    OrderAct.ACCEPT: mark("Take the order"),
    OrderAct.DEPART: mark("Set off"),
    OrderAct.ARRIVE: mark("Arrived on site"),
    OrderAct.REFUSE: mark("Refuse the order"),
    OrderAct.CLOSE: mark("Close the order"),
    OrderAct.CANCEL: mark("Cancel the order"),
    OrderAct.REOPEN: mark("Open it again"),
    OrderAct.COMMENT: mark("Add a comment"),
    OrderAct.OBSERVE: mark("Note an observation"),
}
# What somebody did, behind their name.
DONE: Mapping[OrderAct, str] = {
    OrderAct.CREATE: mark("made the order"),
    OrderAct.ASSIGN: mark("gave it to a team"),
    OrderAct.EDIT: mark("changed the order"),
    OrderAct.ACCEPT: mark("took the order"),
    OrderAct.REFUSE: mark("refused the order"),
    OrderAct.DEPART: mark("set off"),
    OrderAct.ARRIVE: mark("arrived on site"),
    OrderAct.CLOSE: mark("closed the order"),
    OrderAct.CANCEL: mark("cancelled the order"),
    OrderAct.REOPEN: mark("opened the order again"),
    OrderAct.COMMENT: mark("wrote"),
    OrderAct.OBSERVE: mark("saw on the spot"),
    OrderAct.LATE: mark("noted too late"),
}
_TIMES = "\N{MULTIPLICATION SIGN}"
_EDITED = {"title": mark("title"), "description": mark("description"), "due": mark("due time")}


def describe_work(event: InterventionEvent) -> str:
    """Time and parts of a closing."""
    words = []
    if event.minutes is not None:
        words.append(duration(event.minutes * 60))
    words += [
        part.name if part.count == 1 else f"{part.name} {_TIMES} {part.count:g}"
        for part in event.parts
    ]
    return ", ".join(words)


def describe_edit(event: InterventionEvent) -> str:
    """What a change made of the order: priority Urgent, title."""
    words = [_(label) for name, label in _EDITED.items() if name in event.details]
    if "priority" in event.details:
        priority = _(PRIORITIES[Priority(event.details["priority"])])
        words.append(priority)
    return ", ".join(words)
