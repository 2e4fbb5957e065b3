"""Account of all readings played: stored, already there, refused, or lost."""

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hypervisor.exercises import queries as store
from simulators._player import PlayResult
from simulators._publications import MessageSet, instant_of


@dataclass(frozen=True, kw_only=True)
class Account:
    """published = stored + already_there + dead letters + lost.

    Counts of readings. `published` includes copies, `already_there` readings that were stored
    before; `dead_letters` by reason; `lost` were acknowledged by the broker but neither stored nor
    refused, `lost_of`: their devices.
    """

    published: int
    stored: int
    already_there: int
    dead_letters: Mapping[str, int]
    lost: int
    lost_of: tuple[str, ...] = ()

    @property
    def balanced(self) -> bool:
        dead = sum(self.dead_letters.values())
        return self.lost == 0 and self.published == self.stored + self.already_there + dead

    def __str__(self) -> str:
        refused = ", ".join(f"{count:,} {reason}" for reason, count in self.dead_letters.items())
        return (
            f"{self.published:,} published = {self.stored:,} stored"
            f" + {self.already_there:,} already there"
            f" + {sum(self.dead_letters.values()):,} dead letters"
            + (f" ({refused})" if refused else "")
            + (f" + {self.lost:,} LOST" if self.lost else "")
        )


Key = tuple[int, int]  # a series and a time in µs


class Ledger:
    """Expected readings, and which of them are stored."""

    def __init__(
        self,
        questions: store.RetryingConnection,
        messages: MessageSet,
        numbers: Mapping[tuple[str, str], int],
    ) -> None:
        """Check what is stored before playing. `numbers`: series ids."""
        self._questions = questions
        self._numbers = numbers
        self._devices = {number: device for (device, _), number in numbers.items()}
        self._expect(messages)
        self._look()
        self._before = int(self._there.sum())
        self._last_letter = questions.ask(store.get_last_dead_letter_id)

    def revise(self, messages: MessageSet) -> None:
        """Expect other messages than planned: of what commands added nothing was there before."""
        before = self._pairs[self._there]
        self._expect(messages)
        self._before = int(np.isin(self._pairs, before).sum())

    def _expect(self, messages: MessageSet) -> None:
        self._messages = messages
        self._pairs = np.unique(np.rec.fromarrays(_keys(messages.rows, self._numbers)))
        self._series = np.ascontiguousarray(self._pairs["f0"])
        self._times = np.ascontiguousarray(self._pairs["f1"])
        self._there = np.zeros(len(self._pairs), dtype=bool)

    def account(self, tally: PlayResult) -> Account:
        """Account of the plan so far."""
        self._look()
        letters = self._questions.ask(lambda c: store.list_dead_letters_after(c, self._last_letter))
        dead, refused = self._refused(letters)
        missing = np.flatnonzero(~self._there)
        absent = zip(self._series[missing].tolist(), self._times[missing].tolist(), strict=True)
        lost = [series for series, time in absent if (series, time) not in refused]
        devices = {self._devices[series] for series in lost}
        stored = int(self._there.sum()) - self._before
        return Account(
            published=tally.readings,
            stored=stored,
            already_there=tally.readings - stored - sum(dead.values()) - len(lost),
            dead_letters=dead,
            lost=len(lost),
            lost_of=tuple(sorted(devices)),
        )

    def _look(self) -> None:
        """Check the missing readings again."""
        missing = np.flatnonzero(~self._there)
        if len(missing):
            series, times = self._series[missing], self._times[missing]
            stored = self._questions.ask(lambda c: store.find_stored(c, series, times))
            self._there[missing[stored]] = True

    def _refused(self, letters: Sequence[store.DeadLetter]) -> tuple[Counter[str], set[Key]]:
        """Refused readings, counted by reason with copies, and as a set.

        A dead letter is either one of our messages, in any format, or the refused part of one in
        the native format.
        """
        counts: Counter[str] = Counter()
        different: set[Key] = set()
        if not letters:
            return counts, different
        by_message, speakers = self._by_payload
        for letter in letters:
            held = by_message.get((letter.topic, letter.payload))
            if held is None:
                speaker = speakers.get(letter.topic, letter.topic.split("/")[1])
                held = list(self._in_part(letter.payload, speaker))
            counts[letter.reason] += len(held)
            different.update(held)
        return counts, different

    @functools.cached_property
    def _by_payload(self) -> tuple[dict[tuple[str, bytes], list[Key]], dict[str, str]]:
        """Readings by message, and devices by topic."""
        spoken = self._messages
        by_message: dict[tuple[str, bytes], list[Key]] = {}
        speakers: dict[str, str] = {}
        if len(spoken.of):
            series, times = _keys(spoken.rows, self._numbers)
            devices = spoken.rows["device"].tolist()
            keys = zip(spoken.of.tolist(), series.tolist(), times.tolist(), devices, strict=True)
            for place, number, time, device in keys:
                publication = spoken.publications[place]
                by_message.setdefault((publication.topic, publication.payload), []).append(
                    (number, time)
                )
                speakers[publication.topic] = device
        return by_message, speakers

    def _in_part(self, payload: bytes, device: str) -> Iterator[Key]:
        try:
            body = msgspec.json.decode(payload, type=_MessageBody | list[_MessageBody])
        except msgspec.DecodeError:  # not a message of ours
            return
        for entry in body if isinstance(body, list) else [body]:
            for quantity in entry.quantities:
                yield self._numbers.get((device, quantity), -1), instant_of(entry.time)


def _keys(
    rows: pd.DataFrame, numbers: Mapping[tuple[str, str], int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Series and time (µs) of every row."""
    mine = pd.MultiIndex.from_frame(rows[["device", "quantity"]])
    times = np.array(rows["time"].astype("int64"), dtype=np.int64)
    series = np.array(pd.Series(dict(numbers)).reindex(mine), dtype=np.int32)
    return series, times


class _MessageBody(msgspec.Struct):
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    quantities: dict[str, float | bool | None] = msgspec.field(name="values")
