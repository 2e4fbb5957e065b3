"""What the watch set aside is told like a critical alarm, and once it is evaluated again."""

import pytest

from hypervisor.notifications import queries_outbox
from hypervisor.notifications.channel_mqtt import build_topic
from hypervisor.notifications.model import Message
from hypervisor.notifications.queries_outbox import Event
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration


def tell(town: Town, event: str, *, rule: str = "flood-evil", at: float = 0) -> None:
    body = {"rule": rule, "subjects": ["orge"], "count": 3, "problem": "OverflowError: too large"}
    key = f"{event}:{rule}:{at}"
    queries_outbox.put_events(
        town.connection, [Event(alarm=None, event=event, at=town.at(at), body=body, key=key)]
    )
    town.connection.commit()


def got(hook: Webhook) -> list[tuple[str, str]]:
    return [(body["event"], body["rule"]) for _, body in hook.got]


def test_it_goes_to_routes_that_are_told_of_everything_of_its_domain(
    town: Town, hook: Webhook
) -> None:
    town.routes(
        "routes:"
        f"\n- {{name: duty, when: {{domains: [flood]}}, channels: [{{webhook: '{hook.url}'}}]}}"
        f"\n- {{name: lamps, when: {{domains: [lighting]}}, channels: [{{webhook: '{hook.url}'}}]}}"
        f"\n- {{name: mayor, when: {{areas: ['91021']}}, channels: [{{webhook: '{hook.url}'}}]}}"
    )
    tell(town, "set aside")
    town.settle()
    assert got(hook) == [("set aside", "flood-evil")]
    tell(town, "resumed", at=1)
    town.beat(1)
    town.settle()
    assert got(hook) == [("set aside", "flood-evil"), ("resumed", "flood-evil")]


def test_its_words_say_what_is_blind_why_and_what_to_do(town: Town, hook: Webhook) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    tell(town, "set aside")
    tell(town, "set aside", rule="")
    town.settle()
    first, second = town.connection.execute("SELECT message FROM delivery ORDER BY id").fetchall()
    active = town.connection.execute("SELECT DISTINCT active, alarm FROM delivery").fetchall()
    assert active == [(False, None)], "it is about no alarm that lasts"
    assert first[0]["title"] == "EXERCICE - RÈGLE NON ÉVALUÉE - flood-evil"
    assert "La règle flood-evil ne peut pas être évaluée (orge (+2))" in first[0]["text"]
    assert "Motif : OverflowError: too large" in first[0]["text"]
    assert first[0]["kind"] == "failure"
    assert build_topic("town/alarms", Message(**first[0])) == "town/alarms/set-aside"
    assert "Aucune règle ne peut être évaluée pour orge (+2)" in second[0]["text"]


def test_without_a_route_it_is_said_that_nobody_was_told(town: Town, hook: Webhook) -> None:
    town.routes(
        "routes:"
        f"\n- {{name: lamps, when: {{domains: [lighting]}}, channels: [{{webhook: '{hook.url}'}}]}}"
    )
    tell(town, "set aside")
    town.settle()
    assert got(hook) == []
    rows = town.connection.execute("SELECT outcome, reason FROM outbox").fetchall()
    assert rows == [("no route", "no route matches")]


def test_out_of_hours_it_waits_for_who_is_on_call_next(town: Town, hook: Webhook) -> None:
    town.routes(
        "routes: [{name: nights, hours: [{from: '20:00', to: '06:00'}],"
        f" channels: [{{webhook: '{hook.url}'}}]}}]"
    )
    tell(town, "set aside")
    tell(town, "resumed", rule="flood-other")
    town.settle()
    assert got(hook) == []
    assert town.events() == [
        ("set aside", None, "no one is on call"),
        ("resumed", "dropped", "no one is on call"),
    ]
    town.beat(6 * 60 - 1)  # 19:59 in Paris
    town.settle()
    assert got(hook) == []
    town.beat(6 * 60)
    town.settle()
    assert got(hook) == [("set aside", "flood-evil")]
