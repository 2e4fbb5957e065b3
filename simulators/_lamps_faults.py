"""Faults of luminaires: by the scenario's events, or by wear."""

import numpy as np

from simulators._field import Place
from simulators._lamps import MINUTE, Trouble
from simulators._random import chance_of
from simulators._story import Event
from simulators._world import World

YEAR = 365.25 * 86_400e6  # µs

# Of the failures by wear, those of each kind: a setting.
WEAR = {"driver": 0.4, "lamp": 0.2, "cycling": 0.2, "control_gear": 0.12, "relay": 0.08}
# Minutes that a cycling driver burns before its thermal cut-out, and rests before it strikes again.
BURNS, RESTS = (6.0, 20.0), (2.0, 6.0)

KINDS = {"lamp-failure": "lamp", "driver-cycling": "cycling", "relay-fault": "relay"}


def troubles(place: Place, world: World, seed: int) -> tuple[Trouble, ...]:
    """The faults of a luminaire by their beginning.

    A `lamp-failure` may name its `fault` (one of `sensors.lighting`'s codes); an event with a
    `share` affects only some of its lamps. Nothing fails without an event, so that a scenario can
    name every alarm; the event `wear` causes `lamps` failures per lamp and year.
    """
    troubles_ = [
        _trouble(KINDS[kind], event, place, seed)
        for kind in KINDS
        for event in world.events_of(kind)
        if world.touches(event, place) and _is_selected(event, place, seed)
    ]
    for event in world.events_of("wear"):
        if not event.where or world.touches(event, place):
            troubles_.extend(_wear_troubles(event, place, seed))
    return tuple(sorted(troubles_, key=lambda trouble: trouble.begins))


def _trouble(usual: str, event: Event, place: Place, seed: int) -> Trouble:
    kind = str(event.parameters.get("fault", usual))
    return _make_trouble(kind, event.begins, event.ends, place, seed)


def _is_selected(event: Event, place: Place, seed: int) -> bool:
    share = event.parameters.get("share")
    draw = chance_of(seed, place.device, event.kind, str(event.begins)).random()
    return share is None or draw < float(share)


def _wear_troubles(event: Event, place: Place, seed: int) -> list[Trouble]:
    """At most one: repairs come after the scenario."""
    rate = float(event.parameters.get("lamps", 0.0))
    chance = chance_of(seed, place.device, "wear")
    waited = chance.exponential() / rate * YEAR if rate > 0 else np.inf
    kind = str(chance.choice(list(WEAR), p=list(WEAR.values())))
    if event.begins + waited >= event.ends:
        return []
    return [_make_trouble(kind, event.begins + int(waited), event.ends, place, seed)]


def _make_trouble(kind: str, begins: int, ends: int, place: Place, seed: int) -> Trouble:
    outs = _cycles(begins, ends, place, seed) if kind == "cycling" else ()
    return Trouble(kind=kind, begins=begins, ends=ends, outs=outs)


def _cycles(begins: int, ends: int, place: Place, seed: int) -> tuple[tuple[int, int], ...]:
    """When it is dark."""
    chance = chance_of(seed, place.device, "cycles")
    count = int((ends - begins) / MINUTE / (BURNS[0] + RESTS[0])) + 1
    spells = np.column_stack([chance.uniform(*BURNS, count), chance.uniform(*RESTS, count)])
    at = begins + (np.cumsum(spells.ravel()) * MINUTE).astype(np.int64).reshape(-1, 2)
    return tuple((start, min(end, ends)) for start, end in at.tolist() if start < ends)
