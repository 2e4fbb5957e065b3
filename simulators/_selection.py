"""Devices, sites, groups and assets of events and faults: by name, or some of a kind."""

import math
from collections.abc import Sequence

from sensors._nearest import nearest_hint
from simulators._field import Field, SimulatorError
from simulators._rain import KM_A_DEGREE
from simulators._random import chance_of
from simulators._story import HOUR, Event, ScheduledEvent, Where


def resolve_events(
    scheduled: Sequence[ScheduledEvent], field: Field, begins: int, seed: int
) -> tuple[Event, ...]:
    """Events at their times with the names selected; those without any are left out.

    Raises:
        SimulatorError: the field has nothing of that name.
    """
    events = []
    for entry in scheduled:
        where = select_names(entry.where, field, seed)
        if where or not (entry.where.names or entry.where.any):
            events.append(
                Event(
                    kind=entry.kind,
                    begins=begins + round(entry.at * HOUR),
                    ends=begins + round(entry.until * HOUR),
                    where=frozenset(where),
                    parameters=entry.parameters,
                )
            )
    return tuple(sorted(events, key=lambda event: event.begins))


def select_names(where: Where, field: Field, seed: int) -> tuple[str, ...]:
    """Names of devices, sites, groups or assets; empty where the field has none of the kind.

    Raises:
        SimulatorError: the field has nothing of that name.
    """
    names = _list_names(field)
    for name in where.names:
        if name not in names:
            hint = nearest_hint(name, names)
            raise SimulatorError(
                "no device, site, group or asset is called {name!r}{hint}", name, hint
            )
    if not where.any:
        return where.names
    positions = _of_kind(where.any, field)
    if where.near is not None:
        far = {name: _distance(at, where.near) for name, at in positions.items()}
        positions = {name: at for name, at in positions.items() if far[name] <= where.within}
        ordered = sorted(positions, key=lambda name: (far[name], name))
    else:
        ordered = [
            str(name)
            for name in chance_of(seed, where.any, where.pick).permutation(sorted(positions))
        ]
    count = where.count if where.share is None else round(where.share * len(positions))
    return (*where.names, *ordered[:count])


def _list_names(field: Field) -> dict[str, None]:
    places = (name for place in field.places for name in (place.device, place.site))
    groups = (group.name for group in field.groups)
    return dict.fromkeys((*places, *groups, *(asset.name for asset in field.assets)))


def _of_kind(kind: str, field: Field) -> dict[str, tuple[float | None, float | None]]:
    """Everything of a kind with its position: groups, else assets, else devices."""
    groups = {
        member.name: (member.lon, member.lat) for member in field.groups if member.kind == kind
    }
    if groups:
        return groups
    assets = {
        member.name: (member.lon, member.lat) for member in field.assets if member.kind == kind
    }
    if assets:
        return assets
    return {
        place.device: (place.lon, place.lat)
        for place in field.places
        if kind in (place.model, place.domain)
    }


def _distance(at: tuple[float | None, float | None], near: tuple[float, float]) -> float:
    """Distance in km."""
    if at[0] is None or at[1] is None:
        return math.inf
    east = (at[0] - near[0]) * math.cos(math.radians(near[1]))
    return KM_A_DEGREE * math.hypot(east, at[1] - near[1])
