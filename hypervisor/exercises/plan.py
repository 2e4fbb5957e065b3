"""Messages of a scenario or recording with this instance's devices, reproducible by parameters."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises.model import Run, RunLabel
from hypervisor.exercises.playable import load_story, recording_path
from hypervisor.exercises.playing import as_messages, find_series_ids, load_registry
from hypervisor.exercises.territory import describe_field
from hypervisor.readings import queries_codecs
from hypervisor.registry import queries as registry_store
from sensors._domain import catalogue
from simulators import _options
from simulators._field import Field
from simulators._obedience import Actuators, make_actuators
from simulators._publications import Disturbance, MessageSet, Publication, disturb
from simulators._recordings import read
from simulators._simulation import simulate_messages
from simulators._story import ScheduledEvent, Story


@dataclass(frozen=True)
class RunPlan:
    """Messages of a run, ascending by arrival. `linger`: s that its clock runs on."""

    messages: MessageSet
    publications: Sequence[Publication]
    linger: float

    @property
    def readings(self) -> int:
        return sum(publication.readings for publication in self.publications)

    @functools.cached_property
    def digest(self) -> str:
        """Hash of all messages and their times."""
        digest = hashlib.blake2b(digest_size=16)
        for publication in self.publications:
            digest.update(b"%d %b" % (publication.arrival, publication.topic.encode()))
            digest.update(publication.payload)
        return digest.hexdigest()

    @functools.cached_property
    def actuators(self) -> Actuators | None:
        """What commands of the run reach; None: it is a recording."""
        return make_actuators(self.messages)


def plan_run(settings: Settings, run: Run) -> RunPlan:
    """Plan a run. Raises TerritoryError: the scenario or file is gone, or names unknown devices."""
    parameters = run.parameters
    if run.kind == "story":
        messages = make_messages(
            settings,
            load_story(settings.data, run.source),
            seed=int(parameters.get("seed", 1)),
            hours=parameters.get("hours"),
            faults=[_options.parse_fault(text) for text in parameters.get("faults", ())],
        )
    else:
        messages = _recording_messages(settings, run)
    find_series_ids(messages.rows, load_registry(settings))  # fail now if devices are missing
    return RunPlan(
        messages=messages,
        publications=disturb(messages.publications, Disturbance()),
        linger=float(parameters.get("linger", 0.0)),
    )


def make_messages(
    settings: Settings,
    story: Story,
    *,
    seed: int,
    hours: float | None = None,
    faults: Sequence[ScheduledEvent] = (),
) -> MessageSet:
    """Messages of the instance's devices in a scenario, with additional faults.

    Raises SimulatorError: the inventory has no device for it, or an event is invalid.
    """
    story = replace(story, faults=(*story.faults, *faults))
    with connect(settings.database_url) as connection:
        field = load_field(connection, story)
    return simulate_messages(story, field, seed, hours=hours)


def make_label(
    name: str, story: Story, *, seed: int, hours: float | None = None, faults: Sequence[str] = ()
) -> RunLabel:
    """Entry of a scenario in the list of runs. `faults`: in command-line syntax."""
    return RunLabel(
        kind="story",
        source=name,
        title=story.title,
        title_fr=story.title_fr,
        parameters={"seed": seed, "hours": hours, "faults": list(faults)},
    )


def load_field(connection: Connection, story: Story) -> Field:
    """The instance's territory at the start of the scenario, on an unrestricted connection."""
    registry, own = registry_store.load(connection), queries_codecs.load_sources(connection)
    zone = instance_store.require(connection).timezone
    return describe_field(registry, catalogue(), story.begins, own, zone)


def _recording_messages(settings: Settings, run: Run) -> MessageSet:
    parameters: Mapping[str, Any] = run.parameters
    start, end = (
        None if parameters.get(name) is None else _options.parse_instant(parameters[name])
        for name in ("from", "to")
    )
    recording = read(
        recording_path(settings.data, run.source),
        stations=parameters.get("stations"),
        start=start,
        end=end,
        columns=parameters.get("columns"),
    )
    return as_messages(recording.rows)
