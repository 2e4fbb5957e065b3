"""Readings and messages of the registry's devices in a scenario."""

from collections.abc import Sequence
from dataclasses import replace

from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises.playing import RunLabel
from hypervisor.exercises.territory import describe_field
from hypervisor.readings import queries_codecs
from hypervisor.registry import queries as registry_store
from sensors._domain import catalogue
from simulators._field import Field
from simulators._publications import MessageSet
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_messages
from simulators._story import ScheduledEvent, Story


def make_messages(
    settings: Settings,
    name: str,
    *,
    seed: int,
    hours: float | None = None,
    faults: Sequence[ScheduledEvent] = (),
) -> MessageSet:
    """Messages of the instance's devices in a scenario, with additional faults.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has no device for it.
    """
    story = load_scenario(name)
    story = replace(story, faults=(*story.faults, *faults))
    return simulate_messages(story, load_field(settings, story), seed, hours=hours)


def make_label(
    name: str, *, seed: int, hours: float | None = None, faults: Sequence[str] = ()
) -> RunLabel:
    """Entry of a scenario in the list of runs. `faults`: in command-line syntax.

    Raises:
        SimulatorError: there is no such scenario.
    """
    story = load_scenario(name)
    return RunLabel(
        kind="story",
        source=name,
        title=story.title,
        title_fr=story.title_fr,
        parameters={"seed": seed, "hours": hours, "faults": list(faults)},
    )


def load_field(settings: Settings, story: Story) -> Field:
    """The instance's territory at the start of the scenario."""
    with connect(settings.database_url) as connection:
        return load_field_from(connection, story)


def load_field_from(connection: Connection, story: Story) -> Field:
    """As `load_field`, on an unrestricted connection."""
    registry, own = registry_store.load(connection), queries_codecs.load_sources(connection)
    return describe_field(registry, catalogue(), story.begins, own)
