"""Messages of a run, reproducible from its parameters."""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypervisor.base.settings import Settings
from hypervisor.exercises.playable import load_story, recording_path
from hypervisor.exercises.playing import as_messages, find_series_ids, load_registry
from hypervisor.exercises.queries_runs import Run
from hypervisor.exercises.simulation import load_field
from simulators import _options
from simulators._publications import Disturbance, MessageSet, Publication, disturb
from simulators._recordings import read
from simulators._simulation import simulate_messages


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
    def speakers(self) -> Mapping[tuple[str, bytes], frozenset[str]]:
        """Devices by message."""
        devices_by_message: dict[tuple[str, bytes], set[str]] = defaultdict(set)
        if len(self.messages.of):
            devices = self.messages.rows["device"].tolist()
            for place, device in zip(self.messages.of.tolist(), devices, strict=True):
                publication = self.messages.publications[place]
                devices_by_message[publication.topic, publication.payload].add(device)
        return {key: frozenset(devices) for key, devices in devices_by_message.items()}

    def devices_of(self, publication: Publication) -> frozenset[str]:
        """Devices of a message; in the native format, from its topic."""
        devices = self.speakers.get((publication.topic, publication.payload))
        return devices or frozenset({publication.topic.split("/")[1]})


def plan_run(settings: Settings, run: Run) -> RunPlan:
    """Plan a run.

    Raises:
        TerritoryError: the scenario or file is gone, or names unknown devices.
    """
    parameters = run.parameters
    spoken = (
        _story_messages(settings, run)
        if run.kind == "story"
        else _recording_messages(settings, run)
    )
    find_series_ids(
        spoken.rows, load_registry(settings)
    )  # fail before playing if devices are missing
    return RunPlan(
        messages=spoken,
        publications=disturb(spoken.publications, Disturbance()),
        linger=float(parameters.get("linger", 0.0)),
    )


def _story_messages(settings: Settings, run: Run) -> MessageSet:
    parameters = run.parameters
    faults = tuple(_options.parse_fault(text) for text in parameters.get("faults", ()))
    story = load_story(settings.data, run.source)
    story = replace(story, faults=(*story.faults, *faults))
    return simulate_messages(
        story,
        load_field(settings, story),
        int(parameters.get("seed", 1)),
        hours=parameters.get("hours"),
    )


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
