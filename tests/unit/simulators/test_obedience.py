"""What simulated actuators make of commands: answers, movements, failures, later messages."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from sensors._command import checksum
from simulators import _actuators
from simulators._actuators import move
from simulators._obedience import Actuators
from simulators._orders import FAULT, Failure, Order
from simulators._publications import MessageSet, Publication, format_instant, revise
from simulators._scenarios import load_scenario
from simulators._simulation import Simulation
from simulators._story import HOUR, SECOND, ScheduledEvent, Where
from simulators._world import World
from tests.documents import find_example
from tests.unit.simulators.small import field, place

ROAD = {"site": "at-radar-counter-1"}
BASIN = {"site": "at-basin-probe-1"}
FIELD = field()
FIELD = replace(
    FIELD,
    places=(
        *FIELD.places,
        place("road-barrier", 2, **ROAD),
        place("message-sign", 2, **ROAD),
        place("basin-gate", 2, **BASIN),
        place("pump-controller", 2, **BASIN),
    ),
)
STORY = load_scenario("october-flood")
WORLD = World(replace(STORY, faults=()), FIELD, 1, hours=60)
AT = WORLD.begins + 30 * HOUR + 400_000


@pytest.fixture(scope="module")
def planned() -> MessageSet:
    return Simulation(WORLD).messages()


@pytest.fixture
def actuators() -> Actuators:
    return Actuators(simulation=Simulation(WORLD))


def command(
    name: str, number: int = 1, *, until: int = AT + 600 * SECOND, **parameters: Any
) -> bytes:
    body = {"key": str(UUID(int=number)), "command": name, "parameters": parameters}
    return json.dumps(body | {"valid_until": format_instant(until)}).encode()


def failing(device: str, mode: str) -> Actuators:
    fault = ScheduledEvent(
        kind=FAULT, at=20, until=40, where=Where(names=(device,)), parameters={"mode": mode}
    )
    world = World(replace(STORY, faults=(fault,)), FIELD, 1, hours=60)
    return Actuators(simulation=Simulation(world))


def said(publication: Publication) -> tuple[str, dict[str, str]]:
    return publication.topic, json.loads(publication.payload)


def values(actuators: Actuators, device: str, quantity: str, minutes: float) -> list[float]:
    """What a device tells of a quantity within some minutes after AT, by the latest revision."""
    rows = actuators.revisions[-1].messages.rows
    mine = rows.loc[(rows["device"] == device) & (rows["quantity"] == quantity)]
    since = (mine["time"].astype("int64") - AT) / SECOND
    return mine.loc[since < 60 * minutes, "value"].tolist()


def test_a_barrier_acknowledges_closes_and_stops_the_traffic(actuators: Actuators) -> None:
    (answer,), revision = actuators.obey(
        [("road-barrier-2", command("barrier", position="closed"))], AT
    )
    topic, body = said(answer)
    assert topic == f"devices/road-barrier-2/commands/{UUID(int=1)}/ack"
    assert (body, answer.readings) == ({"state": "acknowledged"}, 0)
    assert SECOND <= answer.arrival - AT < 5 * SECOND
    assert answer.arrival % SECOND == 0
    assert revision is not None
    assert revision.devices == {"road-barrier-2", "radar-counter-1"}
    assert values(actuators, "road-barrier-2", "barrier_position", 5) == [2.0, 1.0]
    assert set(values(actuators, "radar-counter-1", "traffic_flow", 600)[2:]) == {0.0}


def test_a_sign_shows_a_pump_runs_and_a_gate_moves_in_its_own_time(actuators: Actuators) -> None:
    actuators.obey(
        [
            ("message-sign-2", command("sign_text", 1, text="ROUTE INONDÉE")),
            ("pump-controller-2", command("pump", 2, state="on")),
            ("basin-gate-2", command("gate_position", 3, opening=40)),
        ],
        AT,
    )
    assert values(actuators, "message-sign-2", "sign_message_crc", 5) == [checksum("ROUTE INONDÉE")]
    assert values(actuators, "pump-controller-2", "pump_running", 5) == [1.0]
    told = values(actuators, "basin-gate-2", "gate_position", 7)
    assert told[:5] == [100.0, 88.0, 76.0, 64.0, 52.0]
    assert told[-1] == 40.0


def test_a_closed_gate_holds_the_water_that_an_open_one_lets_out(planned: MessageSet) -> None:
    """The basin fills on the second day; emptied by its gate alone."""
    late = WORLD.begins + 58 * HOUR
    held = Actuators(simulation=Simulation(WORLD))
    held.obey([("basin-gate-2", command("gate_position", opening=0))], AT)
    pumped = Actuators(simulation=Simulation(WORLD))
    pumped.obey([("pump-controller-2", command("pump", state="on"))], AT)

    def filled(messages: MessageSet) -> float:
        rows = messages.rows
        mine = rows.loc[(rows["quantity"] == "basin_fill") & (rows["device"] == "basin-probe-1")]
        return float(mine.loc[mine["time"].astype("int64") > late, "value"].mean())

    usual = filled(planned)
    assert filled(pumped.revisions[0].messages) < usual <= filled(held.revisions[0].messages)


def test_a_newer_order_ends_a_movement_where_it_is() -> None:
    orders = [
        Order(device="g", command="gate_position", parameters={"opening": opening}, at=at * SECOND)
        for at, opening in ((1_000, 0.0), (1_150, 100.0))
    ]
    at, told = move("gate_position", orders)
    assert (at[1:] / SECOND).tolist() == [1_000, 1_060, 1_120, 1_150, 1_210, 1_270, 1_300]
    assert told[1:].tolist() == [100.0, 88.0, 76.0, 70.0, 82.0, 94.0, 100.0]
    again = Order(device="b", command="barrier", parameters={"position": "open"}, at=0)
    assert move("barrier_position", [again])[1].tolist() == [0.0, 0.0], "it tells where it is"


def test_the_example_in_contributing_md_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    code = find_example("CONTRIBUTING.md", __file__)
    siren = eval(code, vars(_actuators))  # noqa: S307  our own document
    monkeypatch.setitem(_actuators.ACTUATORS, siren.quantity, siren)
    orders = [
        Order(device="s", command="siren", parameters={"state": state}, at=at * SECOND)
        for at, state in ((10, "on"), (70, "off"))
    ]
    at, value = move("siren_sounding", orders)
    assert (at[1:] / SECOND).tolist() == [12, 72]
    assert value.tolist() == [0.0, 1.0, 0.0]


def test_lamps_switch_and_dim_and_their_cabinet_measures_it(actuators: Actuators) -> None:
    lamps = [f"lamp-controller-{number}" for number in range(3)]
    actuators.obey([(name, command("dim", n, level=30)) for n, name in enumerate(lamps)], AT)
    for name in lamps:
        assert values(actuators, name, "light_level", 3)[-1] == 30.0
    assert "cabinet-controller-1" in actuators.revisions[-1].devices
    before = values(actuators, "cabinet-controller-1", "cabinet_power", 30)[-1]
    for number, (state, level) in enumerate((("off", 0.0), ("on", 100.0), ("plan", 0.0)), 1):
        at = AT + number * HOUR
        switch = command("switch", 9 + number, until=at + HOUR, state=state)
        actuators.obey([("cabinet-controller-1", switch)], at)
        told = values(actuators, lamps[0], "light_level", 60 * number + 3)
        assert told[-1] == level, "by day as planned is dark"
        power = values(actuators, "cabinet-controller-1", "cabinet_power", 60 * number + 30)[-1]
        assert (power > before) is (state == "on")


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        ("refused", {"state": "refused", "reason": "E07 obstacle under the boom"}),
        ("unanswered", None),
        ("stuck", {"state": "acknowledged"}),
    ],
)
def test_an_actuator_fails_as_in_life(mode: str, answer: dict[str, str] | None) -> None:
    actuators = failing("road-barrier-2", mode)
    order = [("road-barrier-2", command("barrier", position="closed"))]
    answers, revision = actuators.obey(order, AT)
    assert [said(each)[1] for each in answers] == ([] if answer is None else [answer])
    assert revision is None
    assert [each.failure for each in actuators.simulation.failing() if each.begins] == [
        Failure(mode)
    ]
    later = [("road-barrier-2", command("barrier", 2, until=AT + 20 * HOUR, position="closed"))]
    assert actuators.obey(later, AT + 11 * HOUR)[1] is not None, "mended at 40 h"


def test_what_has_no_supply_or_no_network_does_not_answer() -> None:
    """A lamp of a switched supply by day; a cabinet in the dark; a sign whose network is out."""
    lost = ScheduledEvent(kind="drop-out", at=20, until=40, where=Where(names=("message-sign-2",)))
    outage = ScheduledEvent(
        kind="supply-loss",
        at=20,
        until=40,
        where=Where(names=("cabinet",)),
        parameters={"battery_h": 1},
    )
    world = World(replace(STORY, faults=(lost,), events=(outage,)), FIELD, 1, hours=60)
    actuators = Actuators(simulation=Simulation(world))

    def answers(device: str, name: str, number: int, hour: int, **parameters: Any) -> int:
        at = world.begins + hour * HOUR
        order = command(name, number, until=at + HOUR, **parameters)
        return len(actuators.obey([(device, order)], at)[0])

    for number, (hour, fed) in enumerate(((18, 1), (30, 0), (45, 1)), 1):
        assert answers("message-sign-2", "sign_text", number, hour, text="X") == fed
        assert answers("cabinet-controller-1", "switch", 10 + number, hour, state="on") == fed
        assert answers("lamp-controller-0", "dim", 20 + number, hour, level=50) == fed
    night, day = 20, 10  # h UTC; by its plan, which the cabinet's contactor follows
    dark = Actuators(simulation=Simulation(WORLD))
    at = WORLD.begins + day * HOUR
    assert "lamp-node-1" not in dark.simulation.hearing({"lamp-node-1"}, (), at)
    assert dark.simulation.hearing({"lamp-node-1"}, (), WORLD.begins + night * HOUR)


def test_what_is_no_valid_command_moves_nothing(actuators: Actuators) -> None:
    def first(device: str, payload: bytes) -> list[dict[str, str]]:
        answers, revision = actuators.obey([(device, payload)], AT)
        assert revision is None
        return [said(each)[1] for each in answers]

    deep = b"[" * 100_000
    for payload in (deep, b"", b"{}", b"[1]", b"\xff", b'{"key": "#/+", "command": "barrier"}'):
        assert first("road-barrier-2", payload) == []
    assert first("radar-counter-1", command("barrier", 2, position="closed")) == []
    assert first("nobody", command("barrier", 3, position="closed")) == []
    late = command("barrier", 4, until=AT - 1, position="closed")
    assert first("road-barrier-2", late) == []
    assert first("road-barrier-2", command("dim", 5, level=3)) == [
        {"state": "refused", "reason": "unknown command"}
    ]
    (wrong,) = first("road-barrier-2", command("barrier", 6, position="ajar"))
    assert wrong["state"] == "refused"
    assert "'ajar'" in wrong["reason"]


def test_a_device_that_measures_nothing_obeys_too() -> None:
    mute = replace(place("road-barrier", 3), quantities={}, site="nowhere")
    there = replace(FIELD, places=(*FIELD.places, mute))
    actuators = Actuators(
        simulation=Simulation(World(replace(STORY, faults=()), there, 1, hours=40))
    )
    order = [("road-barrier-3", command("barrier", position="closed"))]
    (answer,), revision = actuators.obey(order, AT)
    assert said(answer)[1] == {"state": "acknowledged"}
    assert revision is not None
    assert revision.messages.publications == []
    planned = actuators.simulation.messages()
    assert revise(planned, actuators.revisions).publications == planned.publications


def test_a_key_is_obeyed_once(actuators: Actuators) -> None:
    order = ("road-barrier-2", command("barrier", position="closed"))
    answers, _ = actuators.obey([order, order], AT)
    again, revision = actuators.obey([order], AT + 30 * SECOND)
    assert (len(answers), again, revision) == (1, [], None)


def test_the_same_orders_give_the_same_messages_and_change_nothing_before(
    planned: MessageSet,
) -> None:
    results = []
    for _ in range(2):
        actuators = Actuators(simulation=Simulation(WORLD))
        actuators.obey([("basin-gate-2", command("gate_position", opening=0))], AT)
        actuators.obey(
            [("message-sign-2", command("sign_text", 2, until=AT + 9 * HOUR, text="X"))], AT + HOUR
        )
        results.append(revise(planned, actuators.revisions))
    first, second = results
    assert first.publications == second.publications
    assert first.rows.equals(second.rows)
    before = [each for each in planned.publications if each.arrival <= AT]
    assert first.publications[: len(before)] == before
    others = {"road-barrier-2", "rated-gauge-0", "lamp-node-1"}
    assert [each for each in first.publications if each.device in others] == [
        each for each in planned.publications if each.device in others
    ]
    assert len(first.of) == len(first.rows) == sum(each.readings for each in first.publications)
    holders = np.array([each.device for each in first.publications], dtype=object)
    assert (holders[first.of] == first.rows["device"].to_numpy()).all()
