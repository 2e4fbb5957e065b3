"""A scenario played by all domains that have devices in the field."""

import pandas as pd

from sensors._nearest import did_you_mean
from simulators._encoding import encode_messages
from simulators._faults import apply_network_faults, apply_value_faults, check_faults, clock_skew
from simulators._field import Field, SimulatorError
from simulators._publications import MessageSet
from simulators._selection import resolve_events
from simulators._simulator import find_simulators
from simulators._story import Story
from simulators._world import World


def simulate_rows(
    story: Story, field: Field, seed: int, *, hours: float | None = None
) -> pd.DataFrame:
    """Measurements without faults: rows of a recording, by time and device.

    Raises:
        SimulatorError: no device can be simulated, or no simulator knows the kind of an event.
    """
    return measure_rows(World(story, field, seed, hours=hours))


def simulate_messages(
    story: Story, field: Field, seed: int, *, hours: float | None = None
) -> MessageSet:
    """The messages published, with the faults of the scenario.

    Raises:
        SimulatorError: as `measure_rows`, or a fault is invalid.
    """
    world = World(story, field, seed, hours=hours)
    faults = resolve_events(story.faults, field, world.begins, seed)
    check_faults(faults)
    rows = apply_value_faults(measure_rows(world), faults, world)
    published = encode_messages(rows, field, seed, clock_skew(faults, world))
    return apply_network_faults(published, faults, world)


def measure_rows(world: World) -> pd.DataFrame:
    """The rows of every domain that has places in the world's field.

    Raises:
        SimulatorError: no device can be simulated, or no simulator knows the kind of an event.
    """
    playing = find_simulators()
    kinds = {kind for simulator in playing.values() for kind in simulator.events}
    for event in world.story.events:
        if event.kind not in kinds:
            raise SimulatorError(
                "{story}: no simulator plays events of kind {kind!r}{hint}",
                world.story.name,
                event.kind,
                did_you_mean(event.kind, kinds),
            )
    parts = [
        simulator.emit(world.field, world, world.seed)
        for domain, simulator in sorted(playing.items())
        if world.field.of(domain)
    ]
    filled = [part for part in parts if len(part)]
    if not filled:
        raise SimulatorError(
            "none of the inventory's devices measures what a simulator simulates; apply an"
            " inventory first, such as `hypervisor inventory apply essonne`"
        )
    rows = pd.concat(filled)
    return rows.sort_values(["time", "device"], kind="stable", ignore_index=True)
