"""Of which sites readings came: told about once a second, by name where they are not too many."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from hypervisor.database import events
from hypervisor.evaluation.touched_sites import TouchedSites
from hypervisor.registry.model import Device, Registry, Series
from sensors._row import ROW, Rows

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


class Listener:
    """What was told, on a clock that stands still until it is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self.now = 100.0
        monkeypatch.setattr("hypervisor.evaluation.touched_sites.time.monotonic", lambda: self.now)
        monkeypatch.setattr(events, "tell", self._tell)

    def _tell(self, _: Any, kind: str, key: str, *, sites: Any = None) -> None:
        self.calls.append((kind, key, sites))

    @property
    def sites(self) -> list[Any]:
        return [sites for _, _, sites in self.calls]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Listener:
    return Listener(monkeypatch)


NOBODY: Any = None


def test_at_first_anything_may_have_changed(clock: Listener) -> None:
    state = TouchedSites()
    state.take(rows(1))
    state.tell(NOBODY, registry())
    assert clock.calls == [("reading", "", None)]


def test_then_the_sites_of_what_was_read_are_named_once_a_second(clock: Listener) -> None:
    state, recorded = TouchedSites(), registry()
    state.tell(NOBODY, recorded)
    state.take(rows(2, 1, 2))
    clock.now += 0.99
    state.tell(NOBODY, recorded)
    assert len(clock.calls) == 1
    state.take(rows(9))  # of a series that is in no registry yet
    clock.now += 0.02
    state.tell(NOBODY, recorded)
    assert clock.sites == [None, ["s1", "s2"]]
    clock.now += 5
    state.tell(NOBODY, recorded)
    state.take(rows())
    state.tell(NOBODY, recorded)
    assert len(clock.calls) == 2
    state.take(rows(1))
    state.tell(NOBODY, recorded)
    assert clock.sites[-1] == ["s1"]


def test_a_registry_that_changed_is_looked_at_again(clock: Listener) -> None:
    state = TouchedSites()
    state.tell(NOBODY, registry(1))
    for recorded, named in ((registry(1), ["s1"]), (registry(2), ["s1", "s2"]), (None, None)):
        clock.now += 1
        state.take(rows(1, 2))
        state.tell(NOBODY, recorded)
        assert clock.sites[-1] == named


@pytest.mark.parametrize(("count", "named"), [(100, True), (101, False)])
def test_of_very_many_sites_none_is_named(clock: Listener, *, count: int, named: bool) -> None:
    state, recorded = TouchedSites(), registry(count)
    state.tell(NOBODY, recorded)
    clock.now += 1
    state.take(rows(*range(1, count + 1)))
    state.tell(NOBODY, recorded)
    assert clock.sites[-1] == (sorted(f"s{n}" for n in range(1, count + 1)) if named else None)
