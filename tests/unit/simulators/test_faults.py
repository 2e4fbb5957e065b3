"""Faults on demand do what they say, to whom they say, when they say, and nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulators._field import Field, SimulatorError
from simulators._options import OptionError, parse_fault
from simulators._publications import MessageSet
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_messages
from simulators._story import HOUR, SECOND, ScheduledEvent, Where
from tests.unit.simulators.small import place

STORY = load_scenario("october-flood")
STORY = replace(STORY, faults=())
BEGINS = int(STORY.begins.timestamp()) * SECOND
FIELD = Field(
    places=(
        place("radar-gauge", river="Orge", properties={"catchment_km2": 110.0}),
        place("radar-gauge", 2, river="Orge", properties={"catchment_km2": 210.0}),
        place("air-probe"),
    )
)
MINE = "radar-gauge-1"


def played(*faults: ScheduledEvent, seed: int = 1) -> MessageSet:
    return simulate_messages(replace(STORY, faults=faults), FIELD, seed, hours=48)


def of(kind: str, who: str = MINE, **parameters: object) -> ScheduledEvent:
    return ScheduledEvent(
        kind=kind, at=20, until=30, where=Where(names=(who,)), parameters=dict(parameters)
    )


SOUND = played()


def series(said: MessageSet, device: str = MINE, quantity: str = "level") -> "pd.Series[Any]":
    rows = said.rows
    mine = (rows["device"] == device) & (rows["quantity"] == quantity)
    return rows.loc[mine].set_index("time")["value"]


def hours(said: MessageSet, device: str = MINE) -> Any:
    return (series(said, device).index.astype("int64").to_numpy() - BEGINS) / HOUR


def during(values: Any) -> Any:
    return (values >= 20) & (values < 30)


def test_a_drop_out_leaves_a_gap_and_touches_nobody_else() -> None:
    spoken = played(of("drop-out"))
    at = hours(spoken)
    assert not during(at).any()
    assert len(at) == len(hours(SOUND)) - during(hours(SOUND)).sum()
    assert series(spoken, "radar-gauge-2").equals(series(SOUND, "radar-gauge-2"))
    assert sum(each.readings for each in spoken.publications) == len(spoken.rows)


def test_a_share_of_the_messages_is_lost() -> None:
    said = played(of("drop-out", share=0.5))
    lost = during(hours(SOUND)).sum() - during(hours(said)).sum()
    assert 5 < lost < 35


def test_copies_hold_the_same_and_nothing_new() -> None:
    said = played(of("duplicate"))
    assert said.rows.equals(SOUND.rows)
    extra = len(said.publications) - len(SOUND.publications)
    assert extra == during(hours(SOUND)).sum()
    payloads = [(each.topic, each.payload) for each in said.publications]
    assert len(payloads) - len(set(payloads)) == extra
    arrivals = [each.arrival for each in said.publications]
    assert arrivals == sorted(arrivals)


def test_a_delay_is_of_the_arrival_alone() -> None:
    said = played(of("delay", by="90 min"))
    key = ["time", "device", "quantity"]
    pd.testing.assert_frame_equal(
        said.rows.sort_values(key, ignore_index=True),
        SOUND.rows.sort_values(key, ignore_index=True),
    )
    arrivals = np.array([each.arrival for each in said.publications])
    late = arrivals[said.of] - said.rows["time"].astype("int64").to_numpy()
    mine = (said.rows["device"] == MINE).to_numpy()
    assert set(late[mine].tolist()) == {0, 5400 * SECOND}
    assert not late[~mine].any()


def test_what_was_held_comes_at_the_end_the_newest_first() -> None:
    said = played(of("delay", held=True))
    at_once = [
        each
        for each in said.publications
        if MINE in each.topic and 0 <= each.arrival - (BEGINS + 30 * HOUR) < 1000
    ]
    times = [each.payload.split(b'"')[3] for each in at_once]
    assert len(times) >= 40
    held = [time for time in times if time != b"2024-10-09T06:00:00Z"]  # that one came in time
    assert len(held) == len(times) - 1
    assert held == sorted(held, reverse=True)


def test_a_clock_ahead_says_so_and_the_radio_has_none() -> None:
    said = played(of("clock-skew", by="1 h"), of("clock-skew", "air-probe-1", by="1 h"))
    arrivals = np.array([each.arrival for each in said.publications])[said.of]
    ahead = said.rows["time"].astype("int64").to_numpy() - arrivals
    mine = (said.rows["device"] == MINE).to_numpy()
    assert set(ahead[mine].tolist()) == {0, HOUR}
    assert not ahead[~mine].any()


def test_a_stuck_sensor_repeats_itself() -> None:
    values = series(played(of("stuck", quantity="level")))
    stuck = values[during(hours(SOUND))]
    assert set(stuck) == {stuck.iloc[0]}
    assert stuck.iloc[0] == series(SOUND)[hours(SOUND) < 20].iloc[-1]
    assert values[hours(SOUND) >= 30].equals(series(SOUND)[hours(SOUND) >= 30])


def test_spikes_are_few_and_far() -> None:
    said = series(played(of("spike", quantity="level", by=4, share=0.1)))
    far = (said - series(SOUND)).abs() > 2
    assert 1 <= far.sum() <= 12
    assert not far[~during(hours(SOUND))].any()


def test_a_sensor_at_the_top_of_its_scale_says_that_it_is() -> None:
    top = float(series(SOUND)[during(hours(SOUND))].median())
    said = played(of("saturation", quantity="level", at=top))
    assert series(said)[during(hours(SOUND))].max() == pytest.approx(top, abs=1e-3)
    words = said.rows.loc[said.rows["status"] == "saturated"]
    assert set(words["device"]) == {MINE}
    assert b'"saturated"' in next(
        each.payload for each in said.publications if b"saturated" in each.payload
    )


def test_a_failed_sensor_has_a_word_and_no_value() -> None:
    said = played(of("failure", quantity="level", word="FALLO"))
    failed = said.rows[said.rows["status"] == "FALLO"]
    assert len(failed) == during(hours(SOUND)).sum()
    assert failed["value"].isna().all()


def test_copies_come_within_ten_minutes_of_what_they_copy() -> None:
    said = played(of("duplicate"))
    found: dict[tuple[str, bytes], list[int]] = {}
    for each in said.publications:
        found.setdefault((each.topic, each.payload), []).append(each.arrival)
    pairs = [arrivals for arrivals in found.values() if len(arrivals) == 2]
    waits = [second - first for first, second in pairs]
    assert min(waits) >= SECOND
    assert max(waits) < 600 * SECOND
    assert max(waits) - min(waits) > 300 * SECOND
    assert all(20 <= (first - BEGINS) / HOUR < 30 for first, _ in pairs)


def test_what_a_fault_does_unless_it_says_otherwise() -> None:
    late = played(of("delay"))
    arrivals = np.array([each.arrival for each in late.publications])
    waited = arrivals[late.of] - late.rows["time"].astype("int64").to_numpy()
    assert set(waited.tolist()) == {0, 1200 * SECOND}
    ahead = played(of("clock-skew"))
    arrivals = np.array([each.arrival for each in ahead.publications])
    skewed = ahead.rows["time"].astype("int64").to_numpy() - arrivals[ahead.of]
    assert set(skewed.tolist()) == {0, HOUR}
    failed = played(of("failure"))
    words = failed.rows.loc[failed.rows["status"] == "FAULT"]
    assert set(words["quantity"]) == {"level"}, "a battery is no sensor"
    assert not during(hours(played(of("drop-out")))).any(), "all of them"


def test_the_end_of_a_span_is_well_again() -> None:
    word = played(of("failure", quantity="level", word="X")).rows
    at = (word.loc[word["status"] == "X", "time"].astype("int64") - BEGINS) / HOUR
    assert at.min() == 20
    assert 29 < at.max() < 30


def test_a_spike_stays_within_what_a_sensor_can_say() -> None:
    values = series(played(of("spike", quantity="level", by=1000, share=1)))[during(hours(SOUND))]
    assert set(values) == {15.0}


@pytest.mark.parametrize("kind", ["drop-out", "duplicate", "spike"])
def test_chance_is_the_seed_s(kind: str) -> None:
    how = of(kind, share=0.3)
    assert played(how).publications == played(how).publications
    assert played(how).publications != played(how, seed=2).publications


def test_nobody_of_that_name_is_told_with_the_nearest() -> None:
    with pytest.raises(SimulatorError, match="did you mean 'radar-gauge-1'"):
        played(of("stuck", "radar-gage-1"))
    with pytest.raises(SimulatorError, match="by: 'soon' is no time"):
        played(of("delay", by="soon"))
    with pytest.raises(SimulatorError, match="spike: it has no 'shaer'; did you mean 'share'"):
        played(of("spike", shaer=0.1))
    with pytest.raises(SimulatorError, match="no quantity is called 'levle'; did you mean"):
        played(of("stuck", quantity="levle"))


def test_faults_are_written_on_the_command_line() -> None:
    happening = parse_fault("drop-out:orge-arpajon:30h..1d12h")
    assert (happening.kind, happening.at, happening.until) == ("drop-out", 30, 36)
    assert happening.where.names == ("orge-arpajon",)
    happening = parse_fault("spike:air-probe*20%:90min..2d:quantity=humidity,by=30")
    assert (happening.where.any, happening.where.share) == ("air-probe", 0.2)
    assert (happening.at, happening.until) == (1.5, 48)
    assert happening.parameters == {"quantity": "humidity", "by": "30"}
    assert parse_fault("stuck:lamp-node*3:0h..1h").where.count == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("drop-out", "expected KIND:WHO:FROM..TO"),
        ("drop-uot:a:1h..2h", "did you mean 'drop-out'"),
        ("stuck:a:2h..1h", "'2h..1h' is no span"),
        ("stuck:a:1h", "is no span"),
        ("stuck:a*few:1h..2h", "a number such as 3, or 20%"),
        ("delay:a:1h..2h:90min", "'90min' is no parameter"),
    ],
)
def test_a_fault_written_wrong_is_told(text: str, says: str) -> None:
    with pytest.raises(OptionError, match=says.replace("*", r"\*")):
        parse_fault(text)
