"""The messages of a run: made of its parameters, the same each time they are made."""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypervisor.base.settings import Settings
from hypervisor.exercises.playable import file_of, story_of
from hypervisor.exercises.playing import numbers, registry_of, told_of
from hypervisor.exercises.queries_runs import Run
from hypervisor.exercises.simulation import field
from simulators import _words
from simulators._arrivals import Disturbance, disturbed
from simulators._performing import messages
from simulators._publications import Publication, Spoken
from simulators._recordings import read


@dataclass(frozen=True)
class RunPlan:
    """What a run publishes, ascending by arrival. `linger`: s that its clock goes on after it."""

    told: Spoken
    publications: Sequence[Publication]
    linger: float

    @property
    def readings(self) -> int:
        return sum(each.readings for each in self.publications)

    @functools.cached_property
    def digest(self) -> str:
        """Of every message and its time."""
        found = hashlib.blake2b(digest_size=16)
        for each in self.publications:
            found.update(b"%d %b" % (each.arrival, each.topic.encode()))
            found.update(each.payload)
        return found.hexdigest()

    @functools.cached_property
    def speakers(self) -> Mapping[tuple[str, bytes], frozenset[str]]:
        """Which devices each message is of."""
        found: dict[tuple[str, bytes], set[str]] = defaultdict(set)
        if len(self.told.of):
            devices = self.told.rows["device"].tolist()
            for place, device in zip(self.told.of.tolist(), devices, strict=True):
                publication = self.told.publications[place]
                found[publication.topic, publication.payload].add(device)
        return {key: frozenset(devices) for key, devices in found.items()}

    def devices_of(self, publication: Publication) -> frozenset[str]:
        """The devices that a message is of; in the native form its topic says it."""
        known = self.speakers.get((publication.topic, publication.payload))
        return known or frozenset({publication.topic.split("/")[1]})


def plan_of(settings: Settings, run: Run) -> RunPlan:
    """What a run publishes.

    Raises:
        TerritoryError: the story or file is gone, or names what is not in the registry.
    """
    parameters = run.parameters
    spoken = _story(settings, run) if run.kind == "story" else _recording(settings, run)
    numbers(spoken.rows, registry_of(settings))  # who is missing is told before anything is played
    return RunPlan(
        told=spoken,
        publications=disturbed(spoken.publications, Disturbance()),
        linger=float(parameters.get("linger", 0.0)),
    )


def _story(settings: Settings, run: Run) -> Spoken:
    parameters = run.parameters
    faults = tuple(_words.fault(text) for text in parameters.get("faults", ()))
    story = story_of(settings.data, run.source)
    story = replace(story, faults=(*story.faults, *faults))
    return messages(
        story, field(settings, story), int(parameters.get("seed", 1)), hours=parameters.get("hours")
    )


def _recording(settings: Settings, run: Run) -> Spoken:
    parameters: Mapping[str, Any] = run.parameters
    start, end = (
        None if parameters.get(name) is None else _words.instant(parameters[name])
        for name in ("from", "to")
    )
    recording = read(
        file_of(settings.data, run.source),
        stations=parameters.get("stations"),
        start=start,
        end=end,
        columns=parameters.get("columns"),
    )
    return told_of(recording.rows)
