"""Each fault on rows and messages of a few devices: whom it strikes, when, and by how much."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulators._faults import (
    KINDS,
    apply_network_faults,
    apply_value_faults,
    check_faults,
    clock_skew,
)
from simulators._field import Field, Place, SimulatorError
from simulators._publications import MessageSet, Publication
from simulators._story import HOUR, SECOND, Event, Story
from simulators._world import World

BEGINS = datetime(2024, 10, 8, tzinfo=UTC)
START = int(BEGINS.timestamp()) * SECOND
MINUTE = 60 * SECOND
PLACES = tuple(Place(device=name, site=f"at-{name}", quantities={}) for name in ("a", "b"))
WORLD = World(Story(name="s", title="", begins=BEGINS, hours=24), Field(places=PLACES), 1)


def rows(count: int = 10, *quantities: str, value: Any = 1.0) -> pd.DataFrame:
    """A row a minute of both devices and each quantity; values count up where none is given."""
    told = [
        (START + n * MINUTE, device, name, value if value is not None else float(n))
        for n in range(count)
        for device in ("a", "b")
        for name in quantities or ("level",)
    ]
    frame = pd.DataFrame(told, columns=["time", "device", "quantity", "value"])
    frame["time"] = pd.to_datetime(frame["time"], unit="us", utc=True).dt.as_unit("us")
    return frame.assign(unit="m", status="ok")


def a_fault(kind: str, begins: float = 2, ends: float = 5, who: str = "a", **more: object) -> Event:
    """In minutes."""
    return Event(
        kind=kind,
        begins=START + int(begins * MINUTE),
        ends=START + int(ends * MINUTE),
        where=frozenset({who}),
        parameters=more,
    )


def values(frame: pd.DataFrame, device: str = "a", quantity: str = "level") -> list[float]:
    mine = (frame["device"] == device) & (frame["quantity"] == quantity)
    return frame.loc[mine, "value"].tolist()


def test_a_stuck_sensor_tells_its_last_value_or_its_first() -> None:
    frame = rows(8, value=None)
    assert values(apply_value_faults(frame, [a_fault("stuck")], WORLD)) == [0, 1, 1, 1, 1, 5, 6, 7]
    assert values(apply_value_faults(frame, [a_fault("stuck", 0)], WORLD)) == [
        0,
        0,
        0,
        0,
        0,
        5,
        6,
        7,
    ]
    assert values(apply_value_faults(frame, [a_fault("stuck", 2, 99)], WORLD)) == [0] + [1] * 7
    assert values(apply_value_faults(frame, [a_fault("stuck", 90, 99)], WORLD)) == [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    ]
    told = apply_value_faults(frame, [a_fault("stuck", who="at-b")], WORLD)
    assert values(told) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert values(told, "b") == [0, 1, 1, 1, 1, 5, 6, 7]
    assert set(told["status"]) == {"ok"}
    assert values(frame) == [0, 1, 2, 3, 4, 5, 6, 7], "the truth stays as it was"


def test_a_fault_is_of_the_quantity_it_names_or_of_all_that_are_measured() -> None:
    frame = rows(6, "level", "rain", "battery", value=None)
    named = apply_value_faults(frame, [a_fault("stuck", quantity="rain")], WORLD)
    assert values(named, quantity="level") == [0, 1, 2, 3, 4, 5]
    assert values(named, quantity="rain") == [0, 1, 1, 1, 1, 5]
    every = apply_value_faults(frame, [a_fault("stuck")], WORLD)
    assert values(every, quantity="level") == values(every, quantity="rain") == [0, 1, 1, 1, 1, 5]
    assert values(every, quantity="battery") == [0, 1, 2, 3, 4, 5], "a battery is no sensor"
    own = apply_value_faults(frame, [a_fault("stuck", quantity="battery")], WORLD)
    assert values(own, quantity="battery") == [0, 1, 1, 1, 1, 5]


def test_spikes_are_a_fifth_of_the_range_away_and_two_in_a_hundred() -> None:
    """Of -5 to 15 m: 4 m, from 0.7 to 1.3 of it."""
    told = (
        np.array(values(apply_value_faults(rows(4_000), [a_fault("spike", 0, 9_999)], WORLD))) - 1
    )
    far = told[told != 0]
    assert len(far) == pytest.approx(80, abs=27)
    assert (far.min(), far.max()) == (pytest.approx(2.8, abs=0.2), pytest.approx(5.2, abs=0.2))
    told = np.array(
        values(apply_value_faults(rows(1_000), [a_fault("spike", 0, 9_999, share=1, by=-2)], WORLD))
    )
    assert told.min() == pytest.approx(1 - 2.6, abs=0.02)
    assert told.max() == pytest.approx(1 - 1.4, abs=0.02)
    assert (told == np.round(told, 3)).all()
    low = values(apply_value_faults(rows(9), [a_fault("spike", 0, 9, share=1, by=-99)], WORLD))
    assert set(low) == {-5.0}
    two = [a_fault("spike", 0, 99, share=0.5, by=1), a_fault("spike", 0, 99, share=0.5, by=1)]
    changed = np.array(values(apply_value_faults(rows(90), two, WORLD))) - 1
    assert (changed > 1.45).any(), "each has a chance of its own"
    assert (changed == 0).any()


def test_a_scale_ends_where_it_is_said_or_where_the_quantity_does() -> None:
    frame = rows(8, value=None)
    told = apply_value_faults(frame, [a_fault("saturation", 2, 7, at=4)], WORLD)
    assert values(told) == [0, 1, 2, 3, 4, 4, 4, 7]
    mine = told[told["device"] == "a"]["status"].tolist()
    assert mine == ["ok"] * 4 + ["saturated"] * 3 + ["ok"]
    usual = apply_value_faults(rows(8, value=16.0), [a_fault("saturation")], WORLD)
    assert values(usual) == [16, 16, 15, 15, 15, 16, 16, 16]


def test_a_failed_sensor_says_its_word() -> None:
    told = apply_value_faults(
        rows(6), [a_fault("failure", word="FALLO"), a_fault("failure", 0, 1, "b")], WORLD
    )
    assert told.loc[told["device"] == "a", "status"].tolist() == [
        *("ok", "ok", "FALLO", "FALLO", "FALLO", "ok")
    ]
    assert told.loc[told["device"] == "b", "status"].tolist() == ["FAULT", *["ok"] * 5]
    assert np.isnan(told["value"]).tolist() == (told["status"] != "ok").tolist()
    sound = rows(3)
    assert apply_value_faults(sound, [a_fault("delay")], WORLD) is sound


def test_clocks_add_up() -> None:
    skew = clock_skew(
        [a_fault("clock-skew"), a_fault("clock-skew", 4, 6, by="-90 min"), a_fault("delay")], WORLD
    )
    looks = START + np.array([1, 2, 4, 5, 6]) * MINUTE
    assert (skew(PLACES[0], looks) / HOUR).tolist() == [0, 1, -0.5, -1.5, 0]
    assert skew(PLACES[1], looks).tolist() == [0] * 5


def said(count: int = 8) -> MessageSet:
    """A message a minute of each device, with one reading."""
    frame = rows(count, value=None)
    return MessageSet(
        publications=[
            Publication(
                arrival=START + n // 2 * MINUTE, topic=f"t{n % 2}", payload=b"%d" % n, readings=1
            )
            for n in range(2 * count)
        ],
        rows=frame,
        of=np.arange(2 * count),
    )


def arrivals(told: MessageSet) -> list[tuple[str, float]]:
    """Payload and minute of each message of device a."""
    return [
        (each.payload.decode(), (each.arrival - START) / MINUTE)
        for each in told.publications
        if each.topic == "t0"
    ]


def test_what_is_dropped_takes_its_readings_along() -> None:
    told = apply_network_faults(said(), [a_fault("drop-out")], WORLD)
    assert arrivals(told) == [("0", 0), ("2", 1), ("10", 5), ("12", 6), ("14", 7)]
    assert values(told.rows) == [0, 1, 5, 6, 7]
    assert values(told.rows, "b") == [0, 1, 2, 3, 4, 5, 6, 7]
    for place, row in zip(told.of.tolist(), told.rows.to_dict("records"), strict=True):
        assert told.publications[place].topic == ("t0" if row["device"] == "a" else "t1")
    half = apply_network_faults(said(2_000), [a_fault("drop-out", 0, 9_999, share=0.25)], WORLD)
    assert len(arrivals(half)) == pytest.approx(1_500, abs=80)


def test_what_is_late_is_late_by_so_much_or_held_to_the_end() -> None:
    told = apply_network_faults(said(), [a_fault("delay", by="90 s")], WORLD)
    assert arrivals(told) == [
        *(("0", 0), ("2", 1), ("4", 3.5), ("6", 4.5), ("10", 5), ("8", 5.5), ("12", 6), ("14", 7))
    ]
    usual = apply_network_faults(said(), [a_fault("delay")], WORLD)
    assert arrivals(usual)[-3:] == [("4", 22), ("6", 23), ("8", 24)]
    held = apply_network_faults(said(), [a_fault("delay", held=True)], WORLD)
    order = [payload for payload, _ in arrivals(held)]
    assert order == ["0", "2", "8", "10", "6", "4", "12", "14"]
    late = dict(arrivals(held))
    micros = [round((late[payload] - 5) * MINUTE) for payload in ("8", "6", "4")]
    assert micros == [0, 1, 2], "the newest first"
    assert len(held.rows) == 16


def test_copies_come_from_a_second_to_ten_minutes_later() -> None:
    told = apply_network_faults(said(3_000), [a_fault("duplicate", 0, 9_999)], WORLD)
    found: dict[str, list[float]] = {}
    for payload, minute in arrivals(told):
        found.setdefault(payload, []).append(minute * 60)
    waits = np.array([late - first for first, late in found.values()])
    assert (waits.min(), waits.max()) == (pytest.approx(1, abs=0.9), pytest.approx(600, abs=2))
    assert waits.min() >= 1
    assert len(told.rows) == 6_000
    assert [each.arrival for each in told.publications] == sorted(
        each.arrival for each in told.publications
    )


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (a_fault("stuck", by=1), "fault stuck: it has no 'by'; expected one of quantity"),
        (
            a_fault("spike", quantity="levle"),
            "fault spike: no quantity is called 'levle'; did you mean 'level'?",
        ),
        (
            a_fault("actuator-failure", mode="stick"),
            "fault actuator-failure: mode: 'stick'; expected one of refused, unanswered, stuck",
        ),
        (a_fault("delay", hold=True), "fault delay: it has no 'hold'; did you mean 'held'?"),
    ],
)
def test_what_cannot_be_said_of_a_fault(fault: Event, sentence: str) -> None:
    with pytest.raises(SimulatorError) as raised:
        check_faults([a_fault("stuck"), fault])
    assert str(raised.value) == sentence


def test_what_can_be_said_of_each() -> None:
    for kind, words in KINDS.items():
        said_of_it: dict[str, Any] = dict.fromkeys(words, "stuck" if "mode" in words else "level")
        check_faults([a_fault(kind, **said_of_it)])
    with pytest.raises(SimulatorError) as raised:
        apply_value_faults(rows(), [a_fault("spike", by="much")], WORLD)
    assert str(raised.value) == "fault spike: by: 'much' is no number"
    with pytest.raises(SimulatorError) as raised:
        apply_network_faults(said(), [a_fault("delay", by="soon")], WORLD)
    assert str(raised.value) == "fault delay: by: 'soon' is no time such as 90 min"
