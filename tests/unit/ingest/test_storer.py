"""The storer: one batch at a time, given back only when it is committed."""

import threading
from collections.abc import Iterator
from queue import Queue

import pytest

from ingest.batch import Parcel
from ingest.message import Arrival
from ingest.pipeline import Checked
from ingest.ports import Inventory, UnavailableError
from ingest.storer import Storer
from sensors._row import no_rows


def batch(number: int) -> Checked:
    arrivals = [Arrival("t", b"", number)]
    parcel = Parcel(arrivals=arrivals, beats=(), mids=[number], connection=1)
    return Checked(parcel=parcel, inventory=Inventory(devices={}), rows=no_rows(), refused=())


class Store:
    """Answers each try as it is told to: None is a commit."""

    def __init__(self) -> None:
        self.answers = Queue[Exception | None]()
        self.tries: list[Checked] = []
        self.tried = threading.Semaphore(0)

    def __call__(self, checked: Checked) -> None:
        self.tries.append(checked)
        self.tried.release()
        answer = self.answers.get(timeout=20)
        if answer is not None:
            raise answer


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def rung() -> threading.Semaphore:
    return threading.Semaphore(0)


@pytest.fixture
def storer(store: Store, rung: threading.Semaphore) -> Iterator[Storer]:
    made = Storer(store=store, ring=rung.release)
    yield made
    made.stop(seconds=20)


def test_a_batch_comes_back_when_it_is_committed_and_no_sooner(
    storer: Storer, store: Store, rung: threading.Semaphore
) -> None:
    first, second = batch(1), batch(2)
    for one in (first, second):
        storer.give(one)
        assert store.tried.acquire(timeout=20)
        busy = [storer.busy]
        assert storer.stored() is None, "nothing is acknowledged before its commit"
        assert not rung.acquire(blocking=False)
        store.answers.put(None)
        assert rung.acquire(timeout=20)
        assert storer.stored() is one
        assert [*busy, storer.busy] == [True, False]
        assert storer.stored() is None
    assert store.tries == [first, second]


def test_a_batch_is_tried_until_the_store_is_there(
    storer: Storer, store: Store, rung: threading.Semaphore
) -> None:
    one = batch(1)
    storer.give(one)
    for answer in (*[UnavailableError("away")] * 3, None):
        assert store.tried.acquire(timeout=20)
        assert storer.stored() is None
        store.answers.put(answer)
    assert rung.acquire(timeout=20)
    assert storer.stored() is one
    assert store.tries == [one] * 4


def test_a_defect_is_raised_where_it_is_seen(
    storer: Storer, store: Store, rung: threading.Semaphore
) -> None:
    storer.give(batch(1))
    store.answers.put(ZeroDivisionError("a slip"))
    assert rung.acquire(timeout=20)
    with pytest.raises(ZeroDivisionError, match="a slip"):
        storer.stored()


def test_who_stops_finishes_what_can_be_stored(storer: Storer, store: Store) -> None:
    one = batch(1)
    storer.give(one)
    store.answers.put(UnavailableError("a moment"))
    store.answers.put(None)
    assert storer.stop(seconds=20)
    assert storer.stored() is one


def test_who_stops_does_not_wait_for_an_absent_store(storer: Storer, store: Store) -> None:
    storer.give(batch(1))
    for _ in range(10):
        store.answers.put(UnavailableError("away"))
    assert storer.stop(seconds=20)
    assert 2 <= len(store.tries) <= 6
    assert storer.stored() is None, "it was not stored, and is not acknowledged"
    assert storer.busy
