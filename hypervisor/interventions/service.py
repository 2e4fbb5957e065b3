"""What dispatch does: orders made, given to teams, changed, closed; and the teams."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hypervisor.access import queries_places
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.accounts import service as accounts
from hypervisor.base.duties import WORDS, Duty
from hypervisor.base.instants import micros, text
from hypervisor.base.versions import make_mark, require_current
from hypervisor.commands import queries as command_queries
from hypervisor.commands.model import NoCommandError
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.interventions import queries, queries_photos, queries_teams
from hypervisor.interventions.model import (
    NEED_TEXT,
    ChangedError,
    Intervention,
    InterventionError,
    InterventionHistory,
    NewIntervention,
    NoInterventionError,
    OrderAct,
    Team,
    require_transition,
)
from hypervisor.interventions.queries import NewEvent, Selection
from hypervisor.interventions.schemas import ActPost, TeamPut
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.decision import ASSIGNED
from hypervisor.notifications.queries_outbox import Event
from sensors._errors import Message
from sensors._nearest import did_you_mean


def find_order(connection: Connection, number: int) -> Intervention:
    """An order. Raises NoInterventionError: there is none, or it is not visible."""
    order = queries.find_intervention(connection, number)
    if order is None:
        raise NoInterventionError("there is no order {number}", number)
    return order


def find_history(connection: Connection, number: int) -> InterventionHistory:
    """An order with its events. Raises as `find_order`."""
    order = find_order(connection, number)
    return InterventionHistory(
        order=order, events=queries.list_events(connection, [number])[number]
    )


def find_photo(connection: Connection, number: int, event: int) -> bytes:
    """A photograph of an order. Raises NoInterventionError: there is none that is visible."""
    content = queries_photos.find_content(connection, number, event)
    if content is None:
        raise NoInterventionError("order {number} has no such photograph", number)
    return content


def list_histories(
    connection: Connection, selection: Selection, *, limit: int = 500
) -> list[InterventionHistory]:
    """Orders with their events, the latest first."""
    orders = queries.list_interventions(connection, selection, limit=limit)
    events = queries.list_events(connection, [order.id for order in orders])
    return [InterventionHistory(order=order, events=events[order.id]) for order in orders]


def create_order(
    context: RequestContext, new: NewIntervention, *, reason: str = "", key: UUID | None = None
) -> int:
    """Make an order, and give it to its team where it has one; its number.

    A repeat under the same key makes no second one.

    Raises:
        ForbiddenError: the person is no operator there.
        NotFoundError: no such site, alarm, command, commune or team is visible.
    """
    _require_command(context, new.command)
    new = _complete_place(context, new)
    _require_place(context, new)
    team = None if new.team is None else find_team(context.connection, new.team)
    now = context.now()
    with context.writing() as connection:
        if key is not None:
            queries.lock_key(connection, key)
            stored = queries.find_keyed(connection, key)
            if stored is not None:
                return stored[0]
        site = None if new.site is None else queries.find_place(connection, new.site)
        number = queries.insert_intervention(
            connection,
            new,
            site=None if site is None else site[0],
            commune=new.commune if site is None else site[1],
            now=now,
        )
        made = NewEvent(
            **_common(context),
            act=OrderAct.CREATE,
            text=reason.strip(),
            details=None if new.command is None else {"command": str(new.command)},
            key=key,
        )
        queries.insert_event(connection, number, 0, made)
        if team is not None:
            given = NewEvent(**_common(context), act=OrderAct.ASSIGN, team=team)
            queries.insert_event(connection, number, 1, given)
            _notify_team(connection, number)
        _record(connection, context, number, OrderAct.CREATE, reason or new.title)
    return number


def act_on_order(context: RequestContext, number: int, post: ActPost) -> None:
    """Do something to an order, also what its team says by radio.

    Raises:
        ForbiddenError: the person is no operator there.
        ChangedError: it was changed since the version that the person saw.
        InterventionError: its state does not allow this, or something is missing.
    """
    require_dispatch(context, find_order(context.connection, number))
    team = None if post.team is None else find_team(context.connection, post.team)
    with context.writing() as connection:
        if is_repeated(connection, context, number, post.key):
            return
        order = _lock(connection, number, post.version)
        require_transition(order, post.act)
        check_act(post)
        event = NewEvent(
            **_common(context),
            act=post.act,
            team=team,
            text=post.text,
            details=post.collect_details(),
            key=post.key,
        )
        queries.insert_event(connection, number, order.version, event)
        if post.act is OrderAct.ASSIGN:
            _notify_team(connection, number)
        _record(connection, context, number, post.act, post.text or order.title)


def check_act(post: ActPost) -> None:
    """Refuse an act that lacks what it is made of. Raises InterventionError."""
    if post.act in {OrderAct.CREATE, OrderAct.LATE}:
        raise InterventionError("{act} is no act of people", post.act.value)
    if post.act is OrderAct.ASSIGN and post.team is None:
        raise InterventionError("name the team that it is assigned to")
    if post.act in NEED_TEXT and not post.text:
        raise InterventionError("{act}: say why in a few words", post.act.value)
    if post.act is OrderAct.OBSERVE and not post.text:
        raise InterventionError("say what was observed")
    if post.act is OrderAct.EDIT and not post.collect_details():
        raise InterventionError("name what is to change: title, description, priority or due")


def is_repeated(
    connection: Connection, context: RequestContext, number: int, key: UUID | None
) -> bool:
    """Whether this very act is stored; its key is locked until the transaction's end.

    Raises InterventionError: the key belongs to another act.
    """
    if key is None:
        return False
    queries.lock_key(connection, key)
    stored = queries.find_keyed(connection, key)
    if stored is not None and stored[:2] != (number, context.person.name):
        raise InterventionError("the key {key} belongs to another act", str(key))
    return stored is not None


def require_dispatch(context: RequestContext, order: Intervention) -> None:
    """Require an operator of the order's place. Raises ForbiddenError."""
    if not context.require_anywhere(Duty.OPERATE).holds(order.commune):
        raise ForbiddenError("{code} may not {words}", context.person.name, WORDS[Duty.OPERATE])


def may_dispatch(context: RequestContext, commune: str | None) -> bool:
    """Whether the person is an operator in this commune (None: of no known one)."""
    return context.person.territory(Duty.OPERATE).holds(commune)


def find_team(connection: Connection, name: str) -> int:
    """The number of a team that takes orders. Raises NoInterventionError: none is visible."""
    names = queries_teams.list_titles(connection)
    if name not in names:
        raise NoInterventionError(
            "there is no team {name!r}{hint}", name, did_you_mean(name, names)
        )
    return queries_teams.find_number(connection, name)


def list_teams(context: RequestContext) -> list[Team]:
    """The teams that the person sees, with their members."""
    names = queries_teams.list_titles(context.connection, retired=True)
    with context.owning() as owner:  # who is a member is in tables of accounts
        return [team for team in queries_teams.list_teams(owner) if team.name in names]


def mark_team(team: Team) -> str:
    """What becomes another with each change of a team."""
    retired = team.retired_at is not None
    return make_mark((team.title, team.area, team.lon, team.lat, team.members, retired))


def store_team(
    context: RequestContext, name: str, put: TeamPut, *, reason: str, seen: str | None
) -> str:
    """Make a team, or change the one that the person saw (`seen`: its mark); its new mark.

    Its members are exactly those that are named.

    Raises:
        ConflictError, UnseenError: another stands there.
        ForbiddenError: the person does not administer its area.
        InterventionError: an account or the area is unknown, or half a position is given.
    """
    context.require(Duty.ADMINISTER, area=put.area)
    _check_position(put.lon, put.lat)
    communes = None
    with context.owning() as owner:
        if put.area is not None:
            territory = queries_places.find_area(owner, put.area)
            if territory is None:
                raise InterventionError("no area has the code {area!r}", put.area)
            communes = tuple(sorted(territory.communes))
    with context.writing() as connection:
        queries_teams.lock_teams(connection)
        existing = queries_teams.list_teams(connection, name=name)
        for team in existing:
            context.require(Duty.ADMINISTER, area=team.area)
        current = mark_team(existing[0]) if existing else None
        require_current(seen, current, Message("team {name!r}", name))
        former = {member for team in existing for member in team.members}
        unknown = sorted({*put.members} - former - {*list_candidates(connection, context)})
        if unknown:
            raise InterventionError("no account is named {name!r}", unknown[0])
        team = Team(
            id=0,
            name=name,
            title=put.title,
            area=put.area,
            communes=communes,
            lon=put.lon,
            lat=put.lat,
            retired_at=context.clock() if put.retired else None,
            members=put.members,
        )
        queries_teams.store_team(connection, team)
        audit.record(
            connection,
            kind="team",
            subject=f"team/{name}",
            reason=reason,
            author=context.person.name,
            details={"area": put.area, "members": sorted(put.members), "retired": put.retired},
        )
        return mark_team(*queries_teams.list_teams(connection, name=name))


def list_candidates(connection: Connection, context: RequestContext) -> dict[str, str]:
    """The accounts that the person may put into a team: name and title. `connection`: the owner's.

    Raises ForbiddenError: they administer nothing.
    """
    administrator = accounts.require_administrator(context)
    return {
        account.name: account.title or account.name
        for account in accounts.list_accounts(connection, administrator)
        if account.disabled_at is None
    }


def _complete_place(context: RequestContext, new: NewIntervention) -> NewIntervention:
    """The site or commune of its alarm, where it names none."""
    if new.alarm is None or new.site is not None or new.commune is not None:
        return new
    place = queries.find_alarm_place(context.connection, new.alarm)
    if place is None:
        raise NoInterventionError("there is no alarm {number}", new.alarm)
    return new.model_copy(update={"site": place[0], "commune": place[1]})


def _require_command(context: RequestContext, key: UUID | None) -> None:
    if key is not None and not command_queries.list_by_id(context.connection, [key]):
        raise NoCommandError("there is no command {id}", key)


def _require_place(context: RequestContext, new: NewIntervention) -> None:
    if new.alarm is not None:
        context.require(Duty.OPERATE, alarm=new.alarm)
    if new.site is not None:
        context.require(Duty.OPERATE, site=new.site)
    else:
        context.require(Duty.OPERATE, area=new.commune)
    _check_position(new.lon, new.lat)


def _check_position(lon: float | None, lat: float | None) -> None:
    if (lon is None) != (lat is None):
        raise InterventionError("a place has a longitude and a latitude")


def _lock(connection: Connection, number: int, version: int | None) -> Intervention:
    order = queries.lock_intervention(connection, number)
    if order is None:
        raise NoInterventionError("there is no order {number}", number)
    if version is not None and order.version != version:
        raise ChangedError(
            "{who} has changed order {number} meanwhile: read it again",
            queries.list_events(connection, [number])[number][-1].author,
            number,
        )
    return order


def _notify_team(connection: Connection, number: int) -> None:
    """Leave a message to the order's team; routes say to whom it goes."""
    now = queries_outbox.read_clock(connection)
    if now is None:
        return  # an exercise that has not begun
    order = find_order(connection, number)
    body = {
        "order": number,
        "title": order.title,
        "description": order.description,
        "priority": order.priority.value,
        "due": None if order.due is None else text(micros(order.due)),
        "place": order.place,
        "team": order.team,
        "team_title": order.team_title,
    }
    key = f"order/{number}/{order.version}:{ASSIGNED}"
    event = Event(alarm=None, event=ASSIGNED, at=now, body=body, key=key)
    queries_outbox.put_events(connection, [event])


def _common(context: RequestContext) -> Mapping[str, Any]:
    now = context.clock()
    return {"author": context.person.name, "at": now, "noted_at": now}


def _record(
    connection: Connection, context: RequestContext, number: int, act: OrderAct, reason: str
) -> None:
    audit.record(
        connection,
        kind="intervention",
        subject=f"intervention/{number}",
        reason=reason,
        author=context.person.name,
        details={"act": act.value},
    )
