"""What became of every reading that was played: stored, there already, refused, or lost."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from hypervisor.store import exercise as store
from simulators._player import Tally
from simulators._publications import Publication


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


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The readings of a plan, and what was there before it was played."""

    questions: store.Questions
    series: NDArray[np.int32]
    times: NDArray[np.int64]
    before: int
    last_dead_letter: int
    plan: Sequence[Publication]

    @classmethod
    def opened(
        cls,
        questions: store.Questions,
        keys: tuple[NDArray[np.int32], NDArray[np.int64]],
        plan: Sequence[Publication],
    ) -> "Ledger":
        """Look at what is there before anything is played."""
        pairs = np.unique(np.rec.fromarrays(keys))
        series = np.ascontiguousarray(pairs["f0"])
        times = np.ascontiguousarray(pairs["f1"])
        return cls(
            questions=questions,
            series=series,
            times=times,
            before=int(questions.ask(lambda c: store.stored(c, series, times)).sum()),
            last_dead_letter=questions.ask(store.last_dead_letter),
            plan=plan,
        )

    def account(self, tally: Tally) -> Account:
        """Count, reading by reading, what has become of the plan so far."""
        there = int(self.questions.ask(lambda c: store.stored(c, self.series, self.times)).sum())
        letters = self.questions.ask(lambda c: store.dead_letters_after(c, self.last_dead_letter))
        dead, refused = _refused(letters, self.plan)
        missing = len(self.series) - there
        copies = tally.readings - len(self.series)
        return Account(
            published=tally.readings,
            stored=there - self.before,
            already_there=self.before + copies - (sum(dead.values()) - refused),
            dead_letters=dead,
            lost=missing - refused,
        )


def _refused(
    letters: Sequence[store.DeadLetter], plan: Sequence[Publication]
) -> tuple[Counter[str], int]:
    """Readings refused by reason, copies included; and how many different ones.

    A letter that is a whole message of ours holds what that message held, whatever its form; of
    another, the part that was refused is in our own form.
    """
    counts: Counter[str] = Counter()
    different: set[tuple[str, bytes | str, str]] = set()
    played = {(each.topic, each.payload): each.readings for each in plan} if letters else {}
    for letter in letters:
        whole = played.get((letter.topic, letter.payload))
        if whole is not None:
            counts[letter.reason] += whole
            different.update((letter.topic, letter.payload, str(i)) for i in range(whole))
            continue
        for time, quantity in _readings(letter.payload):
            counts[letter.reason] += 1
            different.add((letter.topic, time, quantity))
    return counts, len(different)


def _readings(payload: bytes) -> Iterator[tuple[str, str]]:
    try:
        told = msgspec.json.decode(payload, type=_Told | list[_Told])
    except msgspec.DecodeError:  # not a message of ours
        return
    for entry in told if isinstance(told, list) else [told]:
        for quantity in entry.values:
            yield entry.time, quantity


class _Told(msgspec.Struct):
    time: str
    values: dict[str, float | bool | None]
