"""What becomes of a batch that cannot be stored whole, and of one whose device is new."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ingest.batch import Batch, Parcel
from ingest.check import Belief
from ingest.heartbeat import Listening
from ingest.library import Library
from ingest.message import Arrival
from ingest.pipeline import Pipeline
from ingest.ports import Channel, Known, NotStorableError, UnavailableError

RECEIVED = 1_641_881_700_000_000
BELIEF = Belief(ahead=300_000_000, behind=400 * 86_400_000_000)
GAUGE = Known(devices={"gauge": {"level": Channel(series=1, unit="m", low=-5.0, high=15.0)}})
NOBODY = Known(devices={})
POISON = 6.66


@dataclass(kw_only=True)
class FakeStore:
    """Keeps what is committed; refuses a batch for which `refuses` raises."""

    refuses: Callable[[Batch], None] = lambda _: None
    batches: list[Batch] = field(default_factory=list)

    def commit(self, batch: Batch) -> None:
        self.refuses(batch)
        self.batches.append(batch)

    @property
    def values(self) -> list[float]:
        return sorted(v for batch in self.batches for v in batch.rows["value"].tolist())


@dataclass(kw_only=True)
class FakeDirectory:
    """Answers as it is told to, one answer a question; then that nothing has changed."""

    answers: list[Known | None]

    def changed(self, *, at_once: bool) -> Known | None:
        del at_once
        return self.answers.pop(0) if self.answers else None


def pipeline(store: FakeStore, answers: Sequence[Known | None] = (GAUGE,)) -> Pipeline:
    made = Pipeline(
        directory=FakeDirectory(answers=list(answers)),
        store=store,
        belief=BELIEF,
        listening=Listening(interval=2_000_000),
        library=Library(),
    )
    made.look_up(at_once=True)
    return made


def parcel(*values: float) -> Parcel:
    arrivals = [
        Arrival(
            "devices/gauge/readings",
            json.dumps({"time": "2022-01-11T06:15:00Z", "values": {"level": value}}).encode(),
            RECEIVED,
        )
        for value in values
    ]
    return Parcel(arrivals=arrivals, beats=(), mids=(), connection=1)


def poisoned(batch: Batch) -> None:
    if np.any(batch.rows["value"] == POISON):
        raise NotStorableError("no such number")


def test_one_message_does_not_keep_the_others_from_being_stored() -> None:
    store = FakeStore(refuses=poisoned)
    made = pipeline(store)
    made.store(made.check(parcel(1, 2, POISON, 3, 4, 5, POISON)))
    assert store.values == [1, 2, 3, 4, 5]
    letters = [letter for batch in store.batches for letter in batch.letters]
    assert [letter.reason for letter in letters] == ["not-storable"] * 2
    assert "no such number" in letters[0].detail


def test_a_defect_of_ours_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore()
    made = pipeline(store)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr("ingest.pipeline.check", broken)
    made.store(made.check(parcel(1, 2)))
    letters = [letter for batch in store.batches for letter in batch.letters]
    assert ["a slip" in letter.detail for letter in letters] == [True, True]


def test_an_absent_store_is_told() -> None:
    def away(_: Batch) -> None:
        raise UnavailableError("nobody answers")

    store = FakeStore(refuses=away)
    made = pipeline(store)
    checked = made.check(parcel(1))
    with pytest.raises(UnavailableError):
        made.store(checked)
    store.refuses = lambda _: None
    made.store(checked)
    assert store.values == [1]


def test_a_device_that_has_just_been_added_is_known_before_anything_is_refused() -> None:
    store = FakeStore()
    made = pipeline(store, [NOBODY, GAUGE])
    made.store(made.check(parcel(1, 2)))
    assert store.values == [1, 2]
    assert not any(batch.letters for batch in store.batches)


def test_a_batch_checked_while_the_one_before_learnt_of_its_device_is_checked_again() -> None:
    store = FakeStore()
    made = pipeline(store, (NOBODY, GAUGE))
    first, second = made.check(parcel(1)), made.check(parcel(2))
    made.store(first)
    made.store(second)
    assert store.values == [1, 2]
    assert not any(batch.letters for batch in store.batches)
