"""Which gauge took whose place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation import facts
from hypervisor.evaluation.chains import chains, splice
from hypervisor.evaluation.facts import SeriesFacts
from hypervisor.registry.model import Device
from rules._inputs import Steps
from sensors._domain import catalogue

DAY = datetime(2024, 1, 1, tzinfo=UTC)
LEVEL = frozenset({"level"})


def device(name: str, begins: float, ends: float | None = None) -> Device:
    """From one day to another."""
    return Device(
        name=name,
        site="orge",
        commissioned=DAY + timedelta(days=begins),
        retired=None if ends is None else DAY + timedelta(days=ends),
    )


def follow(*devices: Device, **measures: frozenset[str]) -> list[list[str]]:
    ended = {one.name: micros(one.retired) for one in devices if one.retired is not None}
    found = chains(devices, {one.name: measures.get(one.name, LEVEL) for one in devices}, ended)
    return [[one.name for one in chain] for chain in found]


def test_one_after_another() -> None:
    assert follow(device("b", 10, 20), device("c", 20), device("a", 0, 10)) == [["a", "b", "c"]]


def test_with_an_overlap_and_after_a_gap() -> None:
    assert follow(device("a", 0, 10), device("b", 9)) == [["a", "b"]]
    assert follow(device("a", 0, 10), device("b", 30)) == [["a", "b"]]


def test_of_two_the_nearer_takes_the_place() -> None:
    assert follow(device("a", 0, 10), device("b", 4), device("c", 11)) == [["a", "c"], ["b"]]


def test_who_measures_something_else_or_is_older_takes_nobodys_place() -> None:
    rain = frozenset({"catchment_rain"})
    assert follow(device("a", 0, 10), device("b", 10), b=rain) == [["a"], ["b"]]
    assert follow(device("a", 5, 10), device("b", 0)) == [["a"], ["b"]]


def test_a_place_is_taken_once() -> None:
    assert follow(device("a", 0, 10), device("b", 1, 10), device("c", 10)) == [["a", "c"], ["b"]]


def test_of_two_places_given_up_each_is_taken_by_one_and_of_equal_heirs_by_name() -> None:
    assert follow(device("a", 0, 10), device("c", 10), device("b", 10)) == [["a", "b"], ["c"]]
    assert follow(device("a", 0, 10), device("b", 0, 12), device("c", 9), device("d", 13)) == [
        *(["a", "c"], ["b", "d"]),
    ]


def test_who_leaves_sooner_or_on_the_same_day_takes_no_place() -> None:
    assert follow(device("a", 0, 10), device("b", 5, 10)) == [["a"], ["b"]]
    assert follow(device("a", 0, 10), device("b", 5, 8)) == [["a"], ["b"]]
    assert follow(device("a", 5, 10), device("b", 5)) == [["a"], ["b"]]


def measured(number: int, name: str, **more: Any) -> SeriesFacts:
    plain = facts.series(number, name, catalogue().quantities["level"], [])
    return replace(plain, **more)


def at(days: float) -> int:
    return micros(DAY + timedelta(days=days))


def test_a_single_series_is_spliced_with_nothing() -> None:
    alone = measured(1, "a")
    assert splice([alone], []) is alone


def test_spliced_series_each_say_what_holds_in_their_own_time() -> None:
    def steps(*pairs: tuple[int, float]) -> Steps:
        return facts.steps(dict(pairs))

    old = measured(
        *(1, "old"),
        interval=steps((BEGINNING, 1.0), (at(3), 2.0), (at(20), 9.0)),
        longest=50.0,
        breaks=(at(4),),
    )
    new = measured(
        *(2, "new"),
        interval=steps((BEGINNING, 5.0), (at(12), 6.0)),
        longest=40.0,
        breaks=(at(4), at(15)),
        withdrawn=steps((at(2), 1.0), (at(5), 0.0), (at(18), 1.0)),
    )
    both = splice([old, new], [at(10), at(30)])
    assert [(each.id, each.device, each.since) for each in both.sources] == [
        *((1, "old", BEGINNING), (2, "new", at(10))),
    ]
    assert both.interval is steps((BEGINNING, 1.0), (at(3), 2.0), (at(10), 5.0), (at(12), 6.0))
    assert both.longest == 50.0
    assert both.breaks == (at(4), at(10), at(15))
    assert both.withdrawn is steps((BEGINNING, 0.0), (at(10), 0.0), (at(18), 1.0))
    never = splice([old, replace(new, withdrawn=None)], [at(10)])
    assert never.withdrawn is None
    usual = old.stale_after.value[0]
    assert never.stale_after is steps((BEGINNING, usual), (at(10), usual))
