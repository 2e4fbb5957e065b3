"""What is still to be played: the messages planned, and those that commands put in their place."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from simulators._obedience import Actuators
from simulators._publications import Publication, Revision

_Entry = tuple[int, int, Publication]  # by arrival, then in the order in which they were made


@dataclass(kw_only=True)
class Script:
    """The messages of one run besides its plan. `actuators`: None: nothing can be commanded."""

    actuators: Actuators | None = None
    _coming: list[_Entry] = field(default_factory=list)
    _revised: dict[str, int] = field(default_factory=dict)  # since when, by device
    _number: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        for revision in self.actuators.revisions if self.actuators else ():
            self._take(revision)

    def obey(self, received: Sequence[tuple[str, bytes]], at: int, seen: int) -> None:
        """Take commands (device, payload) that come at `at` (µs).

        `seen`: the clock that those who command have, behind `at` while workers catch up.
        """
        if self.actuators is None:
            return
        answers, revision = self.actuators.obey(received, at, seen)
        if revision is not None:
            self._take(revision)
        self._add(answers)

    def still_planned(self, publication: Publication) -> bool:
        """False: a command has put another message in its place."""
        return publication.arrival <= self._revised.get(publication.device, publication.arrival)

    def next_arrival(self) -> int | None:
        """When the next message comes that was not planned (µs)."""
        return self._coming[0][0] if self._coming else None

    def pop(self) -> Publication:
        return heapq.heappop(self._coming)[2]

    def _take(self, revision: Revision) -> None:
        self._coming = [
            entry
            for entry in self._coming
            if not (entry[2].readings and revision.applies_to(entry[2]))
        ]
        heapq.heapify(self._coming)
        for device in revision.devices:
            self._revised[device] = min(revision.since, self._revised.get(device, revision.since))
        self._add(revision.messages.publications)

    def _add(self, publications: Sequence[Publication]) -> None:
        for publication in publications:
            heapq.heappush(self._coming, (publication.arrival, next(self._number), publication))
