"""A story told by all domains that have devices in the field."""

import pandas as pd

from simulators._simulator import Field, SimulatorError, simulators
from simulators._story import Story
from simulators._world import World
from simulators._yaml import nearest


def performed(story: Story, field: Field, seed: int) -> pd.DataFrame:
    """The rows of a recording, ascending by time and device.

    Raises:
        SimulatorError: no device of the field tells anything, or an event's kind is nobody's.
    """
    playing = simulators()
    known = {kind for simulator in playing.values() for kind in simulator.events}
    for event in story.events:
        if known and event.kind not in known:
            raise SimulatorError(
                f"{story.name}: no simulator plays events of kind {event.kind!r}"
                f"{nearest(event.kind, known)}"
            )
    world = World(story, field, seed)
    parts = [
        simulator.emit(field, world, seed)
        for domain, simulator in sorted(playing.items())
        if field.of(domain)
    ]
    told = [part for part in parts if len(part)]
    if not told:
        raise SimulatorError(
            "none of the inventory's devices measures what a simulator can tell; apply an"
            " inventory first, such as `hypervisor inventory apply essonne`"
        )
    rows = pd.concat(told, ignore_index=True)
    return rows.sort_values(["time", "device"], kind="stable", ignore_index=True)
