"""Which gauge took whose place."""

from datetime import UTC, datetime, timedelta

from hypervisor.instants import micros
from hypervisor.registry.model import Device
from hypervisor.watch.chains import chains

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
