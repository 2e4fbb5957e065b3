"""A story told by all domains that have devices in the field, and as their messages arrive."""

import pandas as pd

from simulators._errors import SimulatorError
from simulators._faults import broken, check, skew_of, through_network
from simulators._field import Field
from simulators._picking import happening
from simulators._publications import Spoken
from simulators._simulator import simulators
from simulators._speaking import spoken
from simulators._story import Story
from simulators._world import World
from simulators._yaml import nearest


def performed(story: Story, field: Field, seed: int, *, hours: float | None = None) -> pd.DataFrame:
    """What the devices measure, without faults: rows of a recording, ascending by time and device.

    Raises:
        SimulatorError: no device of the field tells anything, or an event's kind is nobody's.
    """
    return measured(World(story, field, seed, hours=hours))


def messages(story: Story, field: Field, seed: int, *, hours: float | None = None) -> Spoken:
    """What is published, with the faults of the story.

    Raises:
        SimulatorError: as `performed`, or a fault is of nobody, or its parameters make no sense.
    """
    world = World(story, field, seed, hours=hours)
    faults = happening(story.faults, field, world.begins, seed)
    check(faults)
    rows = broken(measured(world), faults, world)
    told = spoken(rows, field, seed, skew_of(faults, world))
    return through_network(told, faults, world)


def measured(world: World) -> pd.DataFrame:
    """The rows of every domain that has places in the world's field.

    Raises:
        SimulatorError: as `performed`.
    """
    playing = simulators()
    known = {kind for simulator in playing.values() for kind in simulator.events}
    for event in world.story.events:
        if event.kind not in known:
            raise SimulatorError(
                f"{world.story.name}: no simulator plays events of kind {event.kind!r}"
                f"{nearest(event.kind, known)}"
            )
    parts = [
        simulator.emit(world.field, world, world.seed)
        for domain, simulator in sorted(playing.items())
        if world.field.of(domain)
    ]
    told = [part for part in parts if len(part)]
    if not told:
        raise SimulatorError(
            "none of the inventory's devices measures what a simulator can tell; apply an"
            " inventory first, such as `hypervisor inventory apply essonne`"
        )
    rows = pd.concat(told)
    return rows.sort_values(["time", "device"], kind="stable", ignore_index=True)
