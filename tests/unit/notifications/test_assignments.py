"""A team is notified of a work order: by which routes, when, in which words."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from hypervisor.base.instants import micros
from hypervisor.notifications.channel_mqtt import build_topic
from hypervisor.notifications.cloudevents import describe
from hypervisor.notifications.decision import Drop, Hold, Send, decide_assignment
from hypervisor.notifications.hours import Hours
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.rendering import MessageStyle, render_assignment
from hypervisor.notifications.route_file import Vocabulary, read_routes
from hypervisor.notifications.routes import Channel, Route, Routes
from rules._errors import RuleError

NOON = micros(datetime(2024, 10, 9, 12, 0, tzinfo=UTC))  # a Wednesday, 14:00 in Paris
NIGHT = (Hours(days=frozenset({"wed"}), begins=18 * 60, ends=23 * 60),)
ORDER = {
    "order": 12,
    "title": "Fermer la rue des Prés",
    "description": "Clé 4",
    "priority": "urgent",
    "due": "2024-10-09T13:00:00Z",
    "place": "Arpajon",
    "team": "north",
    "team_title": "Voirie nord",
}
ENTRY = Entry(id=1, alarm=None, event="assigned", key="k", at=NOON, body=ORDER, due=NOON, held=None)


def route(name: str, **given: Any) -> Route:
    channel = Channel(name="1", kind="webhook", fields={"target": "https://town.example"})
    return Route(name=name, channels=(channel,), **given)


def decide(*routes: Route, waits: bool = True) -> Any:
    def holiday(_day: date) -> bool:
        return False

    return decide_assignment(ENTRY, NOON, Routes(routes=routes), holiday, waits=waits)


def test_the_routes_of_its_team_take_it() -> None:
    north = route("n", teams=frozenset({"north", "east"}))
    assert decide(route("duty"), north, route("s", teams=frozenset({"south"}))) == Send(
        routes=(north,)
    )
    assert decide(route("duty")) == Drop(why="no route names its team"), "doctor says nothing of it"
    night = route("night", teams=frozenset({"north"}), hours=NIGHT)
    assert decide(night) == Hold(until=NOON + 10_000_000, why="no one is on call")
    moved = Drop(why="the order no longer waits for this team")
    assert decide(night, waits=False) == decide(north, waits=False) == moved


def test_its_words() -> None:
    style = MessageStyle(instance="Essonne", exercise=False, link="https://h.example")
    message = render_assignment(ENTRY, "k/n/1", style)
    assert message.title == "INTERVENTION, URGENTE - Fermer la rue des Prés"
    assert message.text == (
        "Clé 4\nLieu : Arpajon\nÉchéance : 09/10/2024 à 15:00 (UTC+2)\nÉquipe : Voirie nord"
        "\nIntervention n° 12  https://h.example/field#12"
    )
    assert describe(message)["type"] == "territory-hypervisor.order.assigned"
    assert build_topic("town", message) == "town/assigned"
    drill = render_assignment(ENTRY, "k", MessageStyle(instance="E", exercise=True, language="en"))
    assert drill.title.startswith("EXERCICE - WORK ORDER, URGENT")
    assert drill.text.startswith("THIS IS AN EXERCISE.")
    assert describe(drill)["type"] == "territory-hypervisor.exercise.order.assigned"


def read(when: str, more: str = "") -> Routes:
    text = f"routes: [{{name: n, when: {when}, channels: [{{mqtt: orders}}]{more}}}]"
    return read_routes(text, file="r", vocabulary=Vocabulary(teams=frozenset({"north"})))


def test_a_route_of_a_team_takes_no_alarm() -> None:
    (made,) = read("{teams: north}").routes
    assert made.teams == {"north"}
    assert made.is_narrowed
    assert not made.takes_alarms
    with pytest.raises(RuleError, match=r"north"):
        read("{teams: nort}")
    for when, more in (
        ("{teams: north, severity: major}", ""),
        ("{teams: north}", ", remind: 1 h"),
    ):
        with pytest.raises(RuleError, match="takes work orders, and no alarm"):
            read(when, more)
