"""Readings and messages of the registry's devices in a scenario."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises.playing import RunLabel
from hypervisor.exercises.territory import describe_field
from hypervisor.registry import queries as registry_store
from sensors._domain import catalogue
from simulators._field import Field
from simulators._performing import messages, performed
from simulators._publications import Spoken
from simulators._scenarios import load
from simulators._story import Happening, Story


def make_messages(
    settings: Settings,
    name: str,
    *,
    seed: int,
    hours: float | None = None,
    faults: Sequence[Happening] = (),
) -> Spoken:
    """Messages of the instance's devices in a scenario, with additional faults.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has no device for it.
    """
    story = load(name)
    story = replace(story, faults=(*story.faults, *faults))
    return messages(story, load_field(settings, story), seed, hours=hours)


def make_label(
    name: str, *, seed: int, hours: float | None = None, faults: Sequence[str] = ()
) -> RunLabel:
    """Entry of a scenario in the list of runs. `faults`: in command-line syntax.

    Raises:
        SimulatorError: there is no such scenario.
    """
    story = load(name)
    return RunLabel(
        kind="story",
        source=name,
        title=story.title,
        title_fr=story.title_fr,
        parameters={"seed": seed, "hours": hours, "faults": list(faults)},
    )


def simulate_rows(settings: Settings, name: str, *, seed: int, hours: float | None) -> pd.DataFrame:
    """Readings of the instance's devices in a scenario without faults, as rows.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has no device for it.
    """
    story = load(name)
    return performed(story, load_field(settings, story), seed, hours=hours)


def load_field(settings: Settings, story: Story) -> Field:
    """The instance's territory at the start of the scenario."""
    with connect(settings.database_url) as connection:
        return load_field_from(connection, story)


def load_field_from(connection: Connection, story: Story) -> Field:
    """As `load_field`, on an unrestricted connection."""
    return describe_field(registry_store.load(connection), catalogue(), story.begins)
