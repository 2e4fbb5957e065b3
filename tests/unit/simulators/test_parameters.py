"""An event of a scenario says what can be said of it, or is refused in a sentence that mends it."""

from datetime import UTC, datetime

import pytest

from simulators import lighting, mobility
from simulators._field import Field, Place, SimulatorError
from simulators._story import ScheduledEvent, Story, Where
from simulators._world import World

PLACES = (
    Place(device="lamp", site="cab", domain="lighting", quantities={"light_level": 900}),
    Place(device="loop", site="loop", domain="mobility", quantities={"traffic_flow": 360}),
)


def world(kind: str, **parameters: object) -> World:
    event = ScheduledEvent(kind=kind, at=1, until=2, where=Where(), parameters=parameters)
    story = Story(
        name="s", title="", begins=datetime(2024, 10, 8, tzinfo=UTC), hours=3, events=(event,)
    )
    return World(story, Field(places=PLACES), 1)


@pytest.mark.parametrize(
    ("kind", "parameters", "sentence"),
    [
        ("incident", {"lane_blocked": 2}, "unknown 'lane_blocked'; it takes lanes_blocked, cap"),
        ("incident", {"capacity": 40}, "capacity: 40; expected a number from 0 to 1"),
        ("loop-fault", {"mode": "broken"}, "expected one of stuck, dead, chatter"),
        ("closure", {"why": "water"}, "it takes no parameters"),
    ],
)
def test_traffic_s_slips_are_told(kind: str, parameters: dict[str, object], sentence: str) -> None:
    with pytest.raises(SimulatorError, match=sentence):
        mobility.emit(Field(places=PLACES), world(kind, **parameters), 1)


@pytest.mark.parametrize(
    ("kind", "parameters", "sentence"),
    [
        ("lamp-failure", {"fault": "bulb"}, "expected one of lamp, driver, cycling"),
        ("leakage", {"trips": 1}, "expected true or false"),
        ("driver-cycling", {"share": True}, "expected a number from 0 to 1"),
    ],
)
def test_lighting_s_slips_are_told(kind: str, parameters: dict[str, object], sentence: str) -> None:
    with pytest.raises(SimulatorError, match=sentence):
        lighting.emit(Field(places=PLACES), world(kind, **parameters), 1)


def test_what_can_be_said_is_taken() -> None:
    field = Field(places=PLACES)
    assert len(mobility.emit(field, world("incident", lanes_blocked=1), 1))
    assert len(lighting.emit(field, world("lamp-failure", fault="driver", share=0.5), 1))
