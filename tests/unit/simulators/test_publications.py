"""What goes over the wire, and what a disturbed network makes of it."""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from simulators._publications import (
    SECOND,
    Disturbance,
    Publication,
    disturb,
    format_instant,
    instant_of,
    publications,
)

T0 = instant_of(datetime(2024, 10, 29, 18, tzinfo=UTC))


def rows(*entries: tuple[int, str, str, float, str]) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["time", "device", "quantity", "value", "status"])
    frame["unit"] = frame["quantity"].map({"level": "m", "discharge": "m3/s"})
    frame["time"] = pd.to_datetime(T0 + frame["time"] * SECOND, unit="us", utc=True)
    return frame


def plan(count: int) -> list[Publication]:
    return [
        Publication(
            arrival=T0 + i * SECOND, topic="devices/a/readings", payload=str(i).encode(), readings=1
        )
        for i in range(count)
    ]


def order(arrived: list[Publication]) -> list[int]:
    return [int(entry.payload) for entry in arrived]


def test_a_device_s_readings_of_one_time_are_one_message() -> None:
    found = publications(
        rows(
            (0, "a", "level", 1.5, "ok"), (0, "b", "level", 2, "ok"), (0, "a", "discharge", 3, "ok")
        )
    )
    assert [(entry.topic, entry.readings) for entry in found] == [
        ("devices/a/readings", 2),
        ("devices/b/readings", 1),
    ]
    assert json.loads(found[0].payload) == {
        "time": "2024-10-29T18:00:00Z",
        "values": {"level": 1.5, "discharge": 3.0},
        "units": {"level": "m", "discharge": "m3/s"},
    }


def test_a_lost_sensor_says_so() -> None:
    (found,) = publications(rows((0, "a", "discharge", float("nan"), "FALLO")))
    body = json.loads(found.payload)
    assert body["values"] == {"discharge": None}
    assert body["status"] == {"discharge": "FALLO"}


def test_a_quantity_told_twice_at_one_time_goes_out_twice_in_order() -> None:
    found = publications(rows((0, "a", "level", 1, "ok"), (0, "a", "level", 2, "ok")))
    assert [json.loads(entry.payload)["values"]["level"] for entry in found] == [1, 2]


def test_instants_keep_their_microseconds() -> None:
    assert format_instant(T0 + 1) == "2024-10-29T18:00:00.000001Z"
    assert instant_of(datetime.fromisoformat(format_instant(T0 + 1))) == T0 + 1


def test_an_undisturbed_plan_is_itself() -> None:
    assert disturb(plan(5), Disturbance()) == plan(5)


def test_an_outage_is_backfilled_newest_first_at_its_end() -> None:
    span = (T0 + 2 * SECOND, T0 + 4 * SECOND)
    arrived = disturb(plan(7), Disturbance(outages=(span,)))
    assert order(arrived) == [0, 1, 4, 3, 2, 5, 6]
    assert [entry.arrival for entry in arrived[2:5]] == [span[1]] * 3


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_messages_come_late_never_early_and_all(seed: int) -> None:
    arrived = disturb(plan(200), Disturbance(shuffle=30, seed=seed))
    assert sorted(order(arrived)) == list(range(200))
    assert order(arrived) != list(range(200))
    for entry in arrived:
        measured = T0 + int(entry.payload) * SECOND
        assert measured <= entry.arrival <= measured + 30 * SECOND
    assert arrived == disturb(plan(200), Disturbance(shuffle=30, seed=seed))


def test_doubled_messages_come_exactly_twice() -> None:
    arrived = disturb(plan(50), Disturbance(double=True))
    assert sorted(order(arrived)) == sorted([*range(50), *range(50)])
