"""A scenario played by the registry's devices: what they then tell."""

from dataclasses import replace

import pandas as pd

from hypervisor.exercise.territory import field_of
from hypervisor.settings import Settings
from hypervisor.store import registry as registry_store
from hypervisor.store.connect import connect
from sensors._domain import catalogue
from simulators._performing import performed
from simulators._scenarios import load


def rows_of(settings: Settings, name: str, *, seed: int, hours: float | None) -> pd.DataFrame:
    """What the instance's devices tell in a scenario, as the rows of a recording.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has nothing to play it with.
    """
    story = load(name)
    if hours is not None:
        story = replace(story, hours=hours)
    with connect(settings.database_url) as connection:
        registry = registry_store.load(connection)
    return performed(story, field_of(registry, catalogue(), story.begins), seed)
