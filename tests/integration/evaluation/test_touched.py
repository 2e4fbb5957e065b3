"""Of which sites readings came: logged about once a second, by name where they are not too many."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation.touched_sites import TouchedSites
from hypervisor.registry.model import Device, Registry, Series
from sensors._row import ROW, Rows

pytestmark = pytest.mark.integration

DAY = datetime(2024, 1, 1, tzinfo=UTC)


def registry(count: int = 2) -> Registry:
    """Series n is of the device d<n> at the site s<n>; another is not stored yet."""
    numbers = range(1, count + 1)
    return Registry(
        areas={},
        sites={},
        devices={f"d{n}": Device(name=f"d{n}", site=f"s{n}", commissioned=DAY) for n in numbers},
        series={
            **{(f"d{n}", "level"): Series(device=f"d{n}", quantity="level", id=n) for n in numbers},
            ("d1", "rain"): Series(device="d1", quantity="rain"),
        },
        revisions=(),
    )


def rows(*series: int) -> Rows:
    return np.array([(number, 0, 0, 1.0, 0) for number in series], dtype=ROW)


class EventLog:
    """What was logged in the caller's transaction, on a clock that stands still until it is set."""

    def __init__(self, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        self.connection = connection
        self.now = 100.0
        monkeypatch.setattr("hypervisor.evaluation.touched_sites.time.monotonic", lambda: self.now)

    @property
    def events(self) -> list[tuple[str, str, list[str] | None]]:
        return self.connection.execute(
            "SELECT kind, key, sites FROM event_log WHERE kind = 'reading' ORDER BY id"
        ).fetchall()

    @property
    def sites(self) -> list[list[str] | None]:
        return [sites for _, _, sites in self.events]


@pytest.fixture
def clock(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLog]:
    with connect(database_url) as connection:
        yield EventLog(connection, monkeypatch)
        connection.rollback()


def test_at_first_anything_may_have_changed(clock: EventLog) -> None:
    state = TouchedSites()
    state.add(rows(1))
    state.announce(clock.connection, registry())
    assert clock.events == [("reading", "", None)]


def test_then_the_sites_of_what_was_read_are_named_once_a_second(clock: EventLog) -> None:
    state, recorded = TouchedSites(), registry()
    state.announce(clock.connection, recorded)
    state.add(rows(2, 1, 2))
    clock.now += 0.99
    state.announce(clock.connection, recorded)
    assert len(clock.events) == 1
    state.add(rows(9))  # of a series that is in no registry yet
    clock.now += 0.02
    state.announce(clock.connection, recorded)
    assert clock.sites == [None, ["s1", "s2"]]
    clock.now += 5
    state.announce(clock.connection, recorded)
    state.add(rows())
    state.announce(clock.connection, recorded)
    assert len(clock.events) == 2
    state.add(rows(1))
    state.announce(clock.connection, recorded)
    assert clock.sites[-1] == ["s1"]


def test_a_registry_that_changed_is_looked_at_again(clock: EventLog) -> None:
    state = TouchedSites()
    state.announce(clock.connection, registry(1))
    for recorded, named in ((registry(1), ["s1"]), (registry(2), ["s1", "s2"]), (None, None)):
        clock.now += 1
        state.add(rows(1, 2))
        state.announce(clock.connection, recorded)
        assert clock.sites[-1] == named


@pytest.mark.parametrize(("count", "named"), [(100, True), (101, False)])
def test_of_very_many_sites_none_is_named(clock: EventLog, *, count: int, named: bool) -> None:
    state, recorded = TouchedSites(), registry(count)
    state.announce(clock.connection, recorded)
    clock.now += 1
    state.add(rows(*range(1, count + 1)))
    state.announce(clock.connection, recorded)
    assert clock.sites[-1] == (sorted(f"s{n}" for n in range(1, count + 1)) if named else None)
