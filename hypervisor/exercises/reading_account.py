"""What became of every reading that was played: stored, there already, refused, or lost."""

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
from simulators._player import Tally
from simulators._publications import Spoken, instant_of


@dataclass(frozen=True, kw_only=True)
class Account:
    """published = stored + already_there + dead letters + lost.

    All are readings. `published` includes copies, `already_there` those that found their like
    stored; `dead_letters` by reason; `lost` were acknowledged by the broker and are nowhere.
    """

    published: int
    stored: int
    already_there: int
    dead_letters: Mapping[str, int]
    lost: int

    @property
    def balanced(self) -> bool:
        dead = sum(self.dead_letters.values())
        return self.lost == 0 and self.published == self.stored + self.already_there + dead


Key = tuple[int, int]  # a series and a time in µs


class Ledger:
    """The readings that are to be stored, and which of them are there."""

    def __init__(
        self, questions: store.Questions, told: Spoken, numbers: Mapping[tuple[str, str], int]
    ) -> None:
        """Look at what is there before anything is played. `numbers`: of the series."""
        self._questions = questions
        self._told = told
        self._numbers = numbers
        series, times = _keys(told.rows, numbers)
        pairs = np.unique(np.rec.fromarrays((series, times)))
        self._series = np.ascontiguousarray(pairs["f0"])
        self._times = np.ascontiguousarray(pairs["f1"])
        self._there = np.zeros(len(pairs), dtype=bool)
        self._look()
        self._before = int(self._there.sum())
        self._last_letter = questions.ask(store.last_dead_letter)

    def account(self, tally: Tally) -> Account:
        """Count, reading by reading, what has become of the plan so far."""
        self._look()
        letters = self._questions.ask(lambda c: store.dead_letters_after(c, self._last_letter))
        dead, refused = self._refused(letters)
        missing = np.flatnonzero(~self._there)
        absent = zip(self._series[missing].tolist(), self._times[missing].tolist(), strict=True)
        lost = sum(key not in refused for key in absent)
        stored = int(self._there.sum()) - self._before
        return Account(
            published=tally.readings,
            stored=stored,
            already_there=tally.readings - stored - sum(dead.values()) - lost,
            dead_letters=dead,
            lost=lost,
        )

    def _look(self) -> None:
        """Whatever was not there may be by now."""
        missing = np.flatnonzero(~self._there)
        if len(missing):
            series, times = self._series[missing], self._times[missing]
            found = self._questions.ask(lambda c: store.stored(c, series, times))
            self._there[missing[found]] = True

    def _refused(self, letters: Sequence[store.DeadLetter]) -> tuple[Counter[str], set[Key]]:
        """Readings refused by reason, copies included; and which they are.

        A letter that is a whole message of ours holds what that message held, whatever its form;
        of another, the part that was refused is in our own form.
        """
        counts: Counter[str] = Counter()
        different: set[Key] = set()
        if not letters:
            return counts, different
        whole, speakers = self._by_payload
        for letter in letters:
            held = whole.get((letter.topic, letter.payload))
            if held is None:
                speaker = speakers.get(letter.topic, letter.topic.split("/")[1])
                held = list(self._in_part(letter.payload, speaker))
            counts[letter.reason] += len(held)
            different.update(held)
        return counts, different

    @functools.cached_property
    def _by_payload(self) -> tuple[dict[tuple[str, bytes], list[Key]], dict[str, str]]:
        """What each message holds, and which device speaks on each topic."""
        spoken = self._told
        whole: dict[tuple[str, bytes], list[Key]] = {}
        speakers: dict[str, str] = {}
        if len(spoken.of):
            series, times = _keys(spoken.rows, self._numbers)
            devices = spoken.rows["device"].tolist()
            keys = zip(spoken.of.tolist(), series.tolist(), times.tolist(), devices, strict=True)
            for place, number, time, device in keys:
                publication = spoken.publications[place]
                whole.setdefault((publication.topic, publication.payload), []).append(
                    (number, time)
                )
                speakers[publication.topic] = device
        return whole, speakers

    def _in_part(self, payload: bytes, device: str) -> Iterator[Key]:
        try:
            told = msgspec.json.decode(payload, type=_Told | list[_Told])
        except msgspec.DecodeError:  # not a message of ours
            return
        for entry in told if isinstance(told, list) else [told]:
            for quantity in entry.told:
                yield self._numbers.get((device, quantity), -1), instant_of(entry.time)


def _keys(
    rows: pd.DataFrame, numbers: Mapping[tuple[str, str], int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Series and time (µs) of every row."""
    mine = pd.MultiIndex.from_frame(rows[["device", "quantity"]])
    times = np.array(rows["time"].astype("int64"), dtype=np.int64)
    series = np.array(pd.Series(dict(numbers)).reindex(mine), dtype=np.int32)
    return series, times


class _Told(msgspec.Struct):
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    told: dict[str, float | bool | None] = msgspec.field(name="values")
