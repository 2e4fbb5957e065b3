"""What the watch set aside: who is told, when, and in which words."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from hypervisor.base.instants import micros
from hypervisor.notifications.decision import Drop, Hold, Send, decide_failure
from hypervisor.notifications.hours import Hours
from hypervisor.notifications.model import Message
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.rendering import MessageStyle, render_failure
from hypervisor.notifications.routes import EVENTS, Channel, Route, Routes

NOON = micros(datetime(2024, 10, 9, 12, 0, tzinfo=UTC))  # a Wednesday, 14:00 in Paris
NIGHT = (Hours(days=frozenset({"wed"}), begins=18 * 60, ends=23 * 60),)


def route(name: str, **given: Any) -> Route:
    channel = Channel(name="1", kind="webhook", fields={"target": "https://town.example"})
    return Route(name=name, channels=(channel,), **given)


def entry(event: str = "set aside", **body: Any) -> Entry:
    whole = {"rule": "flood-evil", "subjects": ["orge"], "count": 1, "problem": "too large", **body}
    return Entry(id=1, alarm=None, event=event, key="k", at=NOON, body=whole, due=NOON, held=None)


def decided(*routes: Route, event: str = "set aside", rule: str = "flood-evil") -> Any:
    def holiday(_day: date) -> bool:
        return False

    return decide_failure(entry(event, rule=rule), NOON, Routes(routes=routes), holiday)


@pytest.mark.parametrize("event", ["set aside", "resumed"])
@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"domains": {"flood"}}, True),
        ({"domains": {"lighting", "flood"}}, True),
        ({"domains": {"lighting"}}, False),
        ({"domains": {"floo"}}, False),
        ({"categories": {"hazard"}}, True),
        ({"areas": {"91"}}, False),
        ({"sites": {"orge"}}, False),
        ({"rules": {"flood-evil"}}, False),
        ({"labels": {("crew", "north")}}, False),
        ({"events": set(EVENTS) - {"raised"}}, False),
        ({"events": {"raised"}}, True),
        ({"only_escalated": True}, False),
    ],
)
def test_it_is_told_to_whoever_takes_all_of_its_domain(
    event: str, given: dict[str, Any], *, fits: bool
) -> None:
    words = {key: frozenset(v) if isinstance(v, set) else v for key, v in given.items()}
    one = route("duty", **words)
    assert decided(one, event=event) == (
        Send(routes=(one,)) if fits else Drop(why="no route matches", no_route=True)
    )


def test_a_whole_site_is_told_to_every_domain() -> None:
    both = (route("duty"), route("lamps", domains=frozenset({"lighting"})))
    assert decided(*both, rule="") == Send(routes=both)
    assert decided(*both) == Send(routes=both[:1])


def test_by_night_it_waits_and_its_end_is_dropped() -> None:
    night = route("night", hours=NIGHT)
    later = Hold(until=NOON + 10_000_000, why="no one is on call")
    assert decided(night) == later
    assert decided(night, event="resumed") == Drop(why="no one is on call")
    day = route("day")
    assert decided(night, day) == Send(routes=(day,))


FR = MessageStyle(instance="Essonne", exercise=False, link="https://town.example")
EN = MessageStyle(instance="Essonne", exercise=True, language="en")


def test_its_words_of_a_rule_and_of_a_site() -> None:
    assert render_failure(
        entry(subjects=["orge", "", "yvette"], count=5), "k/duty/1", FR
    ) == Message(
        title="RÈGLE NON ÉVALUÉE - flood-evil",
        text=(
            "La règle flood-evil ne peut pas être évaluée (orge, yvette (+3)) : elle ne déclenche"
            " plus d'alarme.\nMotif : too large\nLes autres règles continuent. Corrigez ou retirez"
            " celle-ci ; d'ici là, surveillez.\nhttps://town.example/rules"
        ),
        kind="failure",
        data={
            "key": "k/duty/1",
            "event": "set aside",
            "at": "2024-10-09T12:00:00Z",
            "instance": "Essonne",
            "exercise": False,
            "language": "fr",
            "rule": "flood-evil",
            "subjects": ["orge", "", "yvette"],
            "count": 5,
            "problem": "too large",
        },
    )
    found = render_failure(entry("resumed", rule="", subjects=["orge"]), "k", EN)
    assert (found.title, found.text, found.kind) == (
        "EXERCICE - RULE EVALUATED AGAIN - orge",
        "THIS IS AN EXERCISE.\nRules are evaluated again for orge, without a gap.",
        "success",
    )
    everywhere = render_failure(entry("resumed", subjects=[""], count=0), "k", EN)
    assert "Rule flood-evil is evaluated again (everywhere), without a gap." in everywhere.text
