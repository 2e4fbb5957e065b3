"""A scenario played by the registry's devices: what they measure, and what they then speak."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises.playing import Label
from hypervisor.exercises.territory import field_of
from hypervisor.registry import queries as registry_store
from sensors._domain import catalogue
from simulators._field import Field
from simulators._performing import messages, performed
from simulators._publications import Spoken
from simulators._scenarios import load
from simulators._story import Happening, Story


def spoken_of(
    settings: Settings,
    name: str,
    *,
    seed: int,
    hours: float | None = None,
    faults: Sequence[Happening] = (),
) -> Spoken:
    """What the instance's devices publish in a scenario, with its faults and these.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has nothing to play it with.
    """
    story = load(name)
    story = replace(story, faults=(*story.faults, *faults))
    return messages(story, field(settings, story), seed, hours=hours)


def label_of(
    name: str, *, seed: int, hours: float | None = None, faults: Sequence[str] = ()
) -> Label:
    """Under which a scenario stands in the list of runs. `faults` as the command line says them.

    Raises:
        SimulatorError: there is no such scenario.
    """
    story = load(name)
    return Label(
        kind="story",
        source=name,
        title=story.title,
        title_fr=story.title_fr,
        parameters={"seed": seed, "hours": hours, "faults": list(faults)},
    )


def rows_of(settings: Settings, name: str, *, seed: int, hours: float | None) -> pd.DataFrame:
    """What the instance's devices measure in a scenario, without faults: rows of a recording.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has nothing to play it with.
    """
    story = load(name)
    return performed(story, field(settings, story), seed, hours=hours)


def field(settings: Settings, story: Story) -> Field:
    """The instance's territory as it was when the story begins."""
    with connect(settings.database_url) as connection:
        return field_in(connection, story)


def field_in(connection: Connection, story: Story) -> Field:
    """The same, on a connection that reads everything."""
    return field_of(registry_store.load(connection), catalogue(), story.begins)
