"""One bad event, message, route or answer holds up no other; it is counted, and given up."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hypervisor.base.instants import moment
from hypervisor.notifications import diagnosis, queries_outbox, route_file, tables
from hypervisor.notifications.dispatcher import TRIES
from hypervisor.stack.doctor import check_room
from hypervisor.stack.queries_doctor import read_health
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration

# What stands in an event of the outbox; each of these makes its decision fail.
_EVENTS: list[tuple[str, Any]] = [
    ("reminder", {}),
    ("reminder", {"to": ["duty"], "route": {}}),
    ("escalation", []),
    ("escalation", {"to": {}}),
    ("set aside", {}),
    ("set aside", {"rule": None, "subjects": None}),
    ("set aside", {"rule": "", "subjects": []}),
    ("resumed", {"rule": 5}),
    ("assigned", {}),
    ("assigned", {"order": "x", "team": 1}),
    ("assigned", {"order": 10**30, "team": "a"}),
]
# What an alarm says of itself; each of these makes its message fail.
_LAST_VALUES: list[Any] = [
    {"quantity": "level", "value": "high", "unit": "m", "time": "2024-10-09T12:00:00Z"},
    {"quantity": "level", "value": 1, "unit": "m", "time": "yesterday"},
    {"quantity": "level", "value": 1, "unit": "m"},
    {"quantity": "level", "value": 1, "unit": "m", "time": 5},
    {"judged": {"function": "last_change"}, "quantity": "level"},
    {"judged": "much", "quantity": "level"},
    {"value": None},
]


def _put(town: Town, event: str, body: Any, key: str, alarm: int | None) -> None:
    town.connection.execute(
        "INSERT INTO outbox (alarm, event, key, at, body, due) VALUES (%s, %s, %s, %s, %s, %s)",
        [alarm, event, key, moment(town.at(0)), Jsonb(body), moment(town.at(0))],
    )


def _count(town: Town, what: str) -> int:
    row = town.connection.execute(f"SELECT count(*) FROM {what}").fetchone()  # noqa: S608  ours
    town.connection.commit()
    return int(row[0]) if row else 0


def _due(town: Town) -> int:
    at = queries_outbox.read_clock(town.connection)
    return 0 if at is None else len(queries_outbox.list_due_numbers(town.connection, at, most=99))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_alarm_is_notified_beside_events_that_fail(
    town: Town, hook: Webhook, seed: int
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    dice = random.Random(seed)
    bad = [("event", *each) for each in _EVENTS] + [("value", "", each) for each in _LAST_VALUES]
    bad += [("well", "", number) for number in range(6)]
    dice.shuffle(bad)
    about = town.raised(rule="flood-first")
    good = {about.id}
    broken = set()
    for number, (kind, event, what) in enumerate(bad):
        if kind == "event":
            alarm = about.id if event in ("reminder", "escalation") else None
            _put(town, event, what, f"bad:{number}", alarm)
            continue
        alarm_id = town.raised(rule=f"flood-{number}").id
        good.add(alarm_id)
        if kind == "value":
            broken.add(alarm_id)
            town.connection.execute(
                "UPDATE alarm SET last_value = %s WHERE id = %s", [Jsonb(what), alarm_id]
            )
    town.connection.commit()

    town.work(lambda: len(hook.got) >= len(good) and _due(town) == 0)
    titles = {key: body["title"] for key, body in hook.got}
    assert len(titles) == len(good)
    bare = [title for title in titles.values() if title.endswith("Orge à Arpajon: river high")]
    assert len([title for title in bare if "SANS DÉTAILS" in title]) == len(broken)
    assert _count(town, "outbox WHERE failures > 0") >= len(broken) + 6

    for _try in range(TRIES):
        town.connection.execute(
            "UPDATE outbox SET due = %s WHERE decided_at IS NULL", [moment(town.at(0))]
        )
        town.connection.commit()
        town.work(lambda: _due(town) == 0)
    assert _count(town, "outbox WHERE decided_at IS NULL") == 0
    failed = _count(town, "outbox WHERE outcome = 'failed'")
    assert failed >= 6
    # By key: a message whose answer came too late for a busy machine is sent again with its key.
    assert len({key for key, _body in hook.got}) == len(good)
    assert queries_outbox.retry_failed(town.connection) == failed
    town.connection.commit()


def test_a_message_that_cannot_be_read_and_an_answer_with_nul_are_failed_tries(
    town: Town, hook: Webhook
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    notifier = town.notifier()
    send, fails = notifier.send, True

    def refuse(*values: Any) -> None:
        if fails:
            raise ValueError("answered 500: \x00\ud800")
        send(*values)

    notifier.send = refuse
    town.raised(rule="flood-a")
    town.work(lambda: any(row.attempts for row in town.rows()))
    fails = False
    town.connection.execute("UPDATE delivery SET message = '{}', next_try = now()")
    town.connection.commit()
    town.raised(rule="flood-b")
    town.work(lambda: len(hook.got) == 1 and town.rows()[0].attempts > 1)
    assert "TypeError" in str(town.rows()[0].last_error)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    "unreadable", ["routes: " + "[" * 3_000, "routes: [{name: a, channels: ['gone://b']}]", "5"]
)
def test_routes_that_cannot_be_read_leave_those_before_in_force(
    town: Town, hook: Webhook, unreadable: str, *, restarted: bool
) -> None:
    town.routes("routes: []")
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    if not restarted:
        town.notifier().turn()
    for _ in range(2):
        town.routes(unreadable)
    town.raised()
    town.work(lambda: len(hook.got) == 1)
    (finding,) = check_room(diagnosis, town.settings, datetime.now(UTC))
    assert (finding.state, finding.subject) == ("bad", "routes")


def test_before_routes_were_read_no_event_is_decided(
    town: Town, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.raised()
    notifier = town.notifier()
    with monkeypatch.context() as patch:
        patch.setattr(route_file, "read_routes", lambda *_, **__: 1 / 0)
        notifier.turn()
    assert _due(town) == 1


@pytest.mark.parametrize("body", [[], 5, None, "text", {"alarm": []}, {"alarm": 1, "rule": "x"}])
def test_what_waits_is_listed_whatever_stands_in_it(town: Town, body: Any) -> None:
    _put(town, "raised", body, "odd", None)
    (entry,) = queries_outbox.list_undecided(town.connection, 9)
    assert tables.event_as_text(entry)["key"] == "odd"


def test_a_delivery_that_kills_its_notifiers_waits_longer_each_time(
    town: Town, hook: Webhook
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.raised(rule="flood-evil")
    notifier = town.notifier()
    town.work(lambda: _count(town, "delivery WHERE state = 'sent'") == 1, notifier)
    killed = []
    notifier.send = lambda *_values: killed.append(1)
    for _death in range(3):  # as a process leaves it that is killed
        town.connection.execute(
            "UPDATE delivery SET worker = 999999, state = 'waiting', next_try = now()"
        )
        town.connection.commit()
        town.work(lambda: _count(town, "delivery WHERE state = 'sent' OR attempts = 1") == 1)
    (row,) = town.rows()
    assert (row.attempts, "3 notifiers died" in str(row.last_error)) == (1, True)
    town.raised(rule="flood-good", subject="orge-2")
    town.settle()
    assert _count(town, "delivery WHERE state = 'sent'") >= 1


def test_doctor_counts_them(town: Town) -> None:
    town.connection.execute(
        "INSERT INTO outbox (event, key, at, body, due, failures)"
        " VALUES ('assigned', 'k', now(), '{}', now(), 1)"
    )
    town.connection.commit()
    assert read_health(town.url).failed_events == 1
