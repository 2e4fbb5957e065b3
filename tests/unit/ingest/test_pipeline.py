"""What becomes of a batch that cannot be stored whole, and of one whose device is new."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from ingest.batch import Batch, Beat, Parcel
from ingest.check import TimeTolerance
from ingest.heartbeat import HeartbeatState
from ingest.library import Library
from ingest.message import Arrival
from ingest.pipeline import Pipeline
from ingest.ports import Channel, Inventory, NotStorableError, UnavailableError

RECEIVED = 1_641_881_700_000_000
BELIEF = TimeTolerance(ahead=300_000_000, behind=400 * 86_400_000_000)
GAUGE = Inventory(devices={"gauge": {"level": Channel(series=1, unit="m", low=-5.0, high=15.0)}})
NOBODY = Inventory(devices={})
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

    answers: list[Inventory | None]

    def changed(self, *, at_once: bool) -> Inventory | None:
        del at_once
        return self.answers.pop(0) if self.answers else None


def pipeline(store: FakeStore, answers: Sequence[Inventory | None] = (GAUGE,)) -> Pipeline:
    made = Pipeline(
        directory=FakeDirectory(answers=list(answers)),
        store=store,
        belief=BELIEF,
        listening={"": HeartbeatState(interval=2_000_000)},
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


def test_what_is_tried_again_may_be_there_in_part() -> None:
    """Its letters are looked for then; those of the next batch, which may be alike, are not."""
    store = FakeStore()
    made = pipeline(store)
    first, second = made.check(parcel(1)), made.check(parcel(1))
    for checked in (first, first, second, second, second, first):
        made.store(checked)
    assert [batch.again for batch in store.batches] == [False, True, False, True, True, False]


def test_a_part_of_a_batch_is_tried_again_with_it() -> None:
    store = FakeStore(refuses=poisoned)
    made = pipeline(store)
    checked = made.check(parcel(1, POISON))
    made.store(checked)
    assert not any(batch.again for batch in store.batches)
    made.store(checked)
    assert [batch.again for batch in store.batches[3:]] == [True] * (len(store.batches) - 3)


FAULTY = Inventory(
    devices={
        "gauge": {
            "level": Channel(series=1, unit="m", low=-5.0, high=15.0),
            "clock_fault": Channel(series=2, unit="1", low=0.0, high=1.0),
        }
    }
)


def test_a_wrong_clock_is_counted_however_its_batch_is_stored() -> None:
    late = Arrival(
        "devices/gauge/readings",
        b'{"time":"2020-01-01T00:00:00Z","values":{"level":1}}',
        RECEIVED,
    )
    for poison in ((), (POISON,)):
        store = FakeStore(refuses=poisoned)
        made = pipeline(store, (FAULTY,))
        good = parcel(*poison)
        made.store(
            made.check(Parcel(arrivals=[late, *good.arrivals], beats=(), mids=(), connection=1))
        )
        rows = [row for batch in store.batches for row in batch.rows.tolist()]
        assert rows == [(2, RECEIVED, RECEIVED, 1.0, 0)]
        letters = [letter.reason for batch in store.batches for letter in batch.letters]
        assert sorted(letters) == sorted(["time-too-old", *(["not-storable"] if poison else [])])
        assert made.refusals == {reason: letters.count(reason) for reason in letters}
        assert made.rows == 1


def test_messages_and_heartbeats_are_counted_once() -> None:
    store = FakeStore(refuses=poisoned)
    made = pipeline(store)
    beats = [Beat(clock=RECEIVED, received_at=RECEIVED + 1)]
    whole = parcel(1, 2, POISON, 4)
    made.store(made.check(replace(whole, beats=beats)))
    assert sum(batch.messages for batch in store.batches) == 4
    assert [each.heard for batch in store.batches for each in batch.listened.values()] == [RECEIVED]
    assert store.batches[-1].listened[""].heard == RECEIVED, "behind all that it stands for"


def test_the_next_batch_is_bounded_by_the_rows_of_the_last() -> None:
    made = pipeline(FakeStore())
    body = json.dumps([{"time": "2022-01-11T06:15:00Z", "values": {"level": 1}}] * 6).encode()
    two = [Arrival("devices/gauge/readings", body, RECEIVED)] * 2
    made.check(Parcel(arrivals=two, beats=(), mids=(), connection=1))
    assert made.rows_a_message == 6.0
    made.check(Parcel(arrivals=(), beats=(), mids=(), connection=1))
    assert made.rows_a_message == 1.0
