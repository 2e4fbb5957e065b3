"""What agents do in the field, at once or hours later: nothing that they noted is lost."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access import queries_places
from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Mode
from hypervisor.base.translation import mark
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.interventions import queries, queries_photos
from hypervisor.interventions.model import (
    IN_FIELD,
    TRANSITIONS,
    Intervention,
    InterventionError,
    NoInterventionError,
    OrderAct,
    OrderState,
)
from hypervisor.interventions.observations import store_reading
from hypervisor.interventions.photos import LARGEST_DAY, Photo
from hypervisor.interventions.queries import NewEvent
from hypervisor.interventions.queries_series import list_series
from hypervisor.interventions.schemas import ActPost, FieldActPost
from hypervisor.interventions.service import check_act, is_repeated
from sensors._errors import Message
from sensors._quantity import Quantity

OLDEST = timedelta(days=30)  # that a phone may keep an act

# What became of the order before an act from the field came.
_LATE = {
    OrderState.DONE: mark("{who} has closed order {number} meanwhile"),
    OrderState.CANCELLED: mark("{who} has cancelled order {number} meanwhile"),
    OrderState.OPEN: mark("{who} has taken order {number} back meanwhile"),
    OrderState.REFUSED: mark("{who} has refused order {number} meanwhile"),
}
_MOVED = mark("{who} has given order {number} to another team meanwhile")
_ELSEWHERE = mark("{who} was quicker: order {number} is further on already")
_REFUSED = mark("the value is not stored: {why}; what you noted stands in the order's history")
_KEPT = mark("{what}; what you noted stands in its history")


def list_orders(context: RequestContext) -> list[Intervention]:
    """The unfinished orders of the agent's teams, the most urgent first."""
    with context.owning() as owner:
        orders = queries.list_unfinished_of(owner, context.person.account)
        homes = queries_places.list_homes(owner, {order.site for order in orders if order.site})
    held = context.person.territory(Duty.PERSONAL)
    return [order for order in orders if order.site not in homes or held.holds(order.commune)]


def list_quantities(
    context: RequestContext, orders: Sequence[Intervention]
) -> dict[str, list[tuple[str, Quantity]]]:
    """What agents may read at the sites of these orders: DEVICE/QUANTITY and what it is."""
    sites = sorted({order.site for order in orders if order.site is not None})
    catalogue = context.catalogue.quantities
    with context.owning() as owner:
        rows = list_series(owner, sites)
    return {
        site: [
            (f"{device}/{quantity}", catalogue[quantity])
            for device, quantity in series
            if quantity in catalogue
        ]
        for site, series in rows.items()
    }


def find_order_of(
    connection: Connection, context: RequestContext, number: int
) -> tuple[Intervention, int]:
    """An order that a team of the agent has or had, and that team's number.

    Raises NoInterventionError: there is none, or it was never theirs. `connection`: the owner's.
    """
    order = queries.find_intervention(connection, number)
    team = queries.find_team_of(connection, number, context.person.account)
    if order is not None and order.site and queries_places.list_homes(connection, {order.site}):
        held = context.person.territory(Duty.PERSONAL).holds(order.commune)
        order = order if held else None
    if order is None or team is None:
        raise NoInterventionError("there is no order {number} of your teams", number)
    return order, team


def act_in_field(
    context: RequestContext,
    number: int,
    post: FieldActPost,
    photo: Photo | None = None,
    *,
    received: datetime | None = None,
) -> Message | None:
    """Store an act of an agent; a repeat under its key changes nothing.

    `received`: when its request began, up to which the phone counts the act's age; None: now.

    Returns:
        None, or a sentence: it came too late to change the order, or its value was refused; it is
        kept in the order's history.

    Raises:
        NoInterventionError: the order was never of the agent's teams.
        InterventionError: it is no act of agents, or something is missing.
    """
    context.require_anywhere(Duty.FIELD)
    if post.act not in IN_FIELD:
        raise InterventionError("{act} is no act of agents: dispatch does this", post.act.value)
    check_act(post)
    now = context.clock()
    noted_at = (received or now) - min(timedelta(milliseconds=post.age_ms), OLDEST)
    with context.writing() as connection:
        if is_repeated(connection, context, number, post.key):
            return _repeat_answer(connection, number, post)
        queries.lock_intervention(connection, number)
        order, team = find_order_of(connection, context, number)
        time = _find_instance_time(connection, context, noted_at)
        reading: dict[str, object] = {}
        if post.act is OrderAct.OBSERVE and post.reading is not None:
            reading = store_reading(connection, context, order, post.reading, time=time)
        late = _explain_late(connection, order, context.person.account, post.act)
        event = NewEvent(
            act=post.act if late is None else OrderAct.LATE,
            author=context.person.name,
            at=now,
            noted_at=noted_at,
            team=team,
            text=post.text,
            details={**_collect_details(post, late), **reading, **_describe_time(context, time)},
            key=post.key,
        )
        queries.insert_event(connection, number, order.version, event)
        if photo is not None:
            _store_photo(connection, order, event, photo, post.position)
        audit.record(
            connection,
            kind="intervention",
            subject=f"intervention/{number}",
            reason=post.text or order.title,
            author=context.person.name,
            details={"act": event.act.value},
        )
    return late or _explain_refusal(reading)


def _explain_refusal(details: Mapping[str, Any]) -> Message | None:
    """Why the value that was read is not stored; None: it is, or none was read."""
    why = details.get("refused")
    return Message(_REFUSED, why) if why else None


def _find_instance_time(
    connection: Connection, context: RequestContext, noted_at: datetime
) -> datetime:
    """When something was noted, on the instance's clock: an exercise plays faster than the wall."""
    now = context.now()
    if context.instance.mode is Mode.LIVE:
        return min(noted_at, now)
    scenario = queries.find_scenario_time(connection, noted_at, wall=context.clock())
    return now if scenario is None else min(scenario, now)


def _describe_time(context: RequestContext, time: datetime) -> dict[str, str]:
    return {} if context.instance.mode is Mode.LIVE else {"noted_scenario_at": time.isoformat()}


def _store_photo(
    connection: Connection,
    order: Intervention,
    event: NewEvent,
    photo: Photo,
    position: tuple[float, float] | None,
) -> None:
    before = queries_photos.sum_sizes(connection, event.author, event.at - timedelta(days=1))
    if before + len(photo.content) > LARGEST_DAY:
        raise InterventionError(
            "{author} has added {n} MiB of photographs within a day; at most {number} MiB fit",
            event.author,
            before // 1024**2,
            LARGEST_DAY // 1024**2,
        )
    queries_photos.insert_photo(
        connection,
        order.id,
        order.version + 1,
        photo,
        taken_at=event.noted_at,
        position=position,
    )


def _collect_details(post: ActPost, late: Message | None) -> dict[str, object]:
    details = post.collect_details()
    return details if late is None else {**details, "act": post.act.value, "why": str(late)}


def _explain_late(
    connection: Connection, order: Intervention, account: int, act: OrderAct
) -> Message | None:
    """Why an act no longer changes the order; None: it does."""
    theirs = queries.is_of(connection, order.id, account)
    if (act, order.state) in TRANSITIONS and (
        theirs or act in {OrderAct.COMMENT, OrderAct.OBSERVE}
    ):
        return None
    who = queries.list_events(connection, [order.id])[order.id][-1].author
    words = _LATE.get(order.state, _ELSEWHERE if theirs else _MOVED)
    return Message(_KEPT, Message(words, who, order.id))


def _repeat_answer(connection: Connection, number: int, post: FieldActPost) -> Message | None:
    """What was answered the first time, whose answer may have been lost."""
    events = queries.list_events(connection, [number])[number]
    stored = queries.find_keyed(connection, post.key)
    event = next((event for event in events if stored and event.number == stored[3]), None)
    if event is None:
        return None
    if event.act is OrderAct.LATE:
        return Message(event.details["why"])
    return _explain_refusal(event.details)
