"""One process's turn: what it looks for when, what it takes along as it stops, what it tries."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.database import audit, locks
from hypervisor.database.connect import connect
from hypervisor.notifications import loop, queries_routes, routing, running, test_message
from hypervisor.notifications.deadman import DeadMan
from hypervisor.notifications.model import Message, NotifyError
from hypervisor.notifications.route_file import read_routes
from hypervisor.notifications.routes import Channel
from hypervisor.notifications.routing import AlarmExample
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration
REASON = "the plan of autumn"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A steady clock of the test's."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(loop, "monotonic", lambda: made.now)
    return made


def test_alarms_that_nobody_acknowledges_are_looked_for_every_five_seconds(
    town: Town, hook: Webhook, clock: SimpleNamespace
) -> None:
    town.routes(f"routes: [{{name: duty, remind: 10 min, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.raised()
    one = town.notifier()
    town.settle(one)

    def events(seconds: float) -> list[str]:
        clock.now += seconds
        one.turn()
        town.settle(one)
        return [event for event, *_ in town.events()]

    town.beat(10)
    assert events(4.9) == ["raised"]
    assert events(0.1) == ["raised", "reminder"]
    town.beat(20)
    assert events(4.9) == ["raised", "reminder"]
    one.remind_at_once()
    assert events(0) == ["raised", "reminder", "reminder"]


def test_what_is_on_its_way_arrives_before_the_end(
    town: Town, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.raised()
    one = town.notifier()
    leaves, may = threading.Event(), threading.Event()

    def leave(_channel: Channel, _message: Message, _key: str) -> None:
        leaves.set()
        may.wait(30)

    looks: list[float] = []

    def monotonic() -> float:
        if leaves.is_set():
            looks.append(0.0)
        if len(looks) > 2:  # it has waited once already
            may.set()
        return 0.0

    one.send = leave
    while not leaves.is_set():
        one.turn()
        leaves.wait(0.01)
    monkeypatch.setattr(loop, "monotonic", monotonic)
    one.run(lambda: True)
    assert [row.state for row in town.rows()] == ["sent"]


@pytest.mark.parametrize("over", [5.0, 5.1])
def test_what_does_not_arrive_is_waited_for_five_seconds(
    town: Town, hook: Webhook, monkeypatch: pytest.MonkeyPatch, over: float
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.raised()
    one = town.notifier()
    leaves, may = threading.Event(), threading.Event()

    def leave(_channel: Channel, _message: Message, _key: str) -> None:
        leaves.set()
        may.wait(30)

    one.send = leave
    while not leaves.is_set():
        one.turn()
        leaves.wait(0.01)
    times = iter((0.0, 4.9, over))
    monkeypatch.setattr(loop, "monotonic", lambda: next(times))
    one.run(lambda: True)
    assert list(times) == []
    assert [row.state for row in town.rows()] == ["waiting"]
    may.set()


def test_a_channel_that_hangs_holds_up_no_other(town: Town, hook: Webhook) -> None:
    town.routes(
        "routes:\n"
        f"  - {{name: a-hangs, channels: [{{webhook: '{hook.url}'}}]}}\n"
        f"  - {{name: b-goes, channels: [{{webhook: '{hook.url}'}}]}}\n"
    )
    alarms = 6  # more than one channel takes at a time
    for number in range(alarms):
        town.raised(subject=f"gauge {number}")
    one = town.notifier()
    may = threading.Event()

    def leave(_channel: Channel, _message: Message, key: str) -> None:
        if "/a-hangs/" in key:
            may.wait(60)

    one.send = leave
    try:
        town.work(lambda: [row.state for row in town.rows()].count("sent") == alarms, one)
        states = {(row.route, row.state) for row in town.rows()}
        assert states == {("a-hangs", "waiting"), ("b-goes", "sent")}
    finally:
        may.set()


def test_waits_after_failures_and_what_is_said_of_them(
    town: Town, hook: Webhook, clock: SimpleNamespace
) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.settings = town.settings.model_copy(update={"notify_retry_seconds": 40.0})
    hook.be("fails")
    alarm = town.raised()
    one = town.notifier()
    key = f"{town.key(alarm, 'raised')}/duty/1"

    def said(count: int) -> list[str]:
        town.work(lambda: len(town.said) > count, one)
        return town.said[1:]

    failed = "not sent to duty/1 (answered 503 Service Unavailable); try"
    assert said(1) == [f"{failed} 2 in 40 s: {key}"]

    def again(seconds: float) -> int:
        """How often the other side was asked, so long after the channel was let be."""
        town.connection.execute("UPDATE delivery SET next_try = now()")
        town.connection.commit()
        clock.now += seconds
        for _ in range(3):
            one.turn()
        return hook.tries

    assert again(39.9) == 1, "the channel rests"
    again(0.1)
    assert said(2)[1] == f"{failed} 3 in 80 s: {key}"
    assert [row.attempts for row in town.rows()] == [2]
    assert again(59.9) == 2, "it rests for a minute at most"
    hook.be("well")
    again(0.1)
    assert said(3)[2] == "sent to duty/1: EXERCICE - ALARME MAJEURE - Orge à Arpajon: river high"


def test_a_channel_that_is_no_more_is_given_up(town: Town, hook: Webhook) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{name: a, webhook: '{hook.url}'}}]}}]")
    town.raised()
    hook.be("fails")
    one = town.notifier()
    town.work(lambda: bool(hook.tries), one)
    town.routes(f"routes: [{{name: duty, channels: [{{name: b, webhook: '{hook.url}'}}]}}]")
    town.settle(one)
    (row,) = town.rows()
    assert (row.state, row.last_error) == ("dead", "the route 'duty' no longer has a channel 'a'")
    assert town.said[-1] == (
        "GIVEN UP: EXERCICE - ALARME MAJEURE - Orge à Arpajon: river high to duty/a (the route"
        " 'duty' no longer has a channel 'a'); `hypervisor notify list --dead`, `hypervisor notify"
        f" retry {row.id}`"
    )


def test_without_any_routes_nobody_is_told_and_that_is_said(town: Town) -> None:
    one = town.notifier()
    assert not one.turn()
    town.raised()
    assert one.turn(), "there may be more"
    assert not one.turn()
    assert town.events() == [("raised", "no route", "no route matches")]
    assert town.said == []


def test_the_routes_that_are_read_are_said(town: Town) -> None:
    town.routes("routes: []")
    one = town.notifier()
    one.turn()
    one.turn()
    town.routes("routes: [")
    assert not one.turn(), "there is nothing that it could do at once"
    town.raised()
    assert not one.turn()
    assert town.said == [
        "routes of revision 1, by test: test",
        town.said[1],
    ]
    assert town.said[1].startswith(
        "the routes of revision 2 cannot be used: the routes in force:1:10: this is not YAML"
    )


def test_trouble_is_said_once_and_that_it_is_over(town: Town) -> None:
    said: list[str] = []
    man = DeadMan(say=said.append)
    office = running.build_dispatcher(town.connection, town.settings)
    wall = datetime(2026, 1, 1, 12, 1, tzinfo=UTC)
    assert not man.beat(town.connection, office, wall)
    assert said == []
    office.routes = read_routes(
        "{routes: [], dead man: {every: 5 min, language: en, channels: [{mqtt: x}]}}", file="r"
    )
    for _ in range(2):
        assert not man.beat(town.connection, office, wall)
    assert said == ["heartbeats stopped: the evaluation is not running"]
    with connect(town.url, autocommit=True) as watch:
        assert locks.take_parts(watch, locks.Lock.WATCH, [0])
        assert man.beat(town.connection, office, wall)
        assert not man.beat(town.connection, office, wall)
        assert not man.beat(
            town.connection, office, wall + timedelta(minutes=4) - timedelta(seconds=1)
        )
        assert man.beat(town.connection, office, wall + timedelta(minutes=4))
        assert not DeadMan(say=said.append).beat(town.connection, office, wall)
    assert said[1:] == ["heartbeats resumed"]
    rows = town.connection.execute(
        "SELECT key, route, channel, state, active, notified_at, message->>'text', message->'data'"
        " FROM delivery ORDER BY id"
    ).fetchall()
    tick = micros(wall) // 300_000_000
    assert [row[:5] for row in rows] == [
        (f"alive:300000000:{tick}/dead man/1", "dead man", "1", "dropped", False),
        (f"alive:300000000:{tick + 1}/dead man/1", "dead man", "1", "waiting", False),
    ]
    assert [row[5] for row in rows] == [wall, wall + timedelta(minutes=4)]
    assert "Essonne is running (2026-01-01 13:01 (UTC+1))" in rows[0][6]
    assert [(row[7]["waiting"], row[7]["dead"]) for row in rows] == [(0, 0), (0, 0)]
    outbox = town.connection.execute("SELECT event, outcome, reason FROM outbox").fetchall()
    assert outbox == [("alive", "sent to", "dead man")] * 2


def test_where_links_lead(town: Town) -> None:
    office = running.build_dispatcher(town.connection, town.settings)
    assert office.link == "https://town.example"
    plain = town.settings.model_copy(
        update={"public_url": "", "web_host": "10.0.0.1", "web_port": 8001}
    )
    assert running.build_dispatcher(town.connection, plain).link == "http://10.0.0.1:8001"
    slash = town.settings.model_copy(update={"public_url": "https://town.example/"})
    assert running.build_dispatcher(town.connection, slash).link == "https://town.example"
    assert office.quantities["level"] == {"en": "water level", "fr": "hauteur d'eau"}
    assert office.instance.mode is Mode.EXERCISE


ROUTES = """\
routes:
  - {name: day, hours: [{from: "08:00", to: "18:00"}], channels: [json://u:word@x.example]}
  - {name: board, language: en, when: {severity: critical}, channels: [{mqtt: a}, {mqtt: b}]}
dead man: {every: 5 min, channels: [{mqtt: c}]}
"""


@pytest.fixture
def applied(town: Town, tmp_path: Path) -> Town:
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTES)
    told = routing.apply_routes(town.connection, file, author="ann", reason=REASON)
    assert told.splitlines()[0] == "revision 1 is in force: 2 routes"
    return town


def test_who_would_be_told(applied: Town) -> None:
    def who(at: str | None = None, **like: str) -> str:
        when = None if at is None else datetime.fromisoformat(at)
        return routing.describe_recipients(
            applied.connection, AlarmExample(**{"domain": "flood", **like}), when
        )

    assert who() == "day: 1 channel, in fr, at 2024-10-09T12:00:00Z"
    assert who("2024-10-09T08:00Z", severity="critical") == (
        "day: 1 channel, in fr, at 2024-10-09T08:00:00Z\n"
        "board: 2 channels, in en, at 2024-10-09T08:00:00Z"
    )
    assert who("2024-10-09T17:00Z") == (
        "no one at 2024-10-09T17:00:00Z: no one is on call; from 2024-10-10T06:00:00Z on"
    )
    for wrong, told in (
        ({"domain": "floood"}, "'floood' is not known; did you mean 'flood'?"),
        ({"severity": "grave"}, "'grave' is not known"),
        ({"category": "hazrd"}, "'hazrd' is not known; did you mean 'hazard'?"),
        ({"site": "org"}, "no site 'org'; did you mean 'orge'?"),
    ):
        with pytest.raises(NotifyError) as caught:
            who(**wrong)
        assert str(caught.value).startswith(told)
    applied.connection.execute("UPDATE worker SET heartbeat_at = NULL")
    with pytest.raises(NotifyError, match="the exercise has not begun: give a time with --at"):
        who()


def test_where_nobody_is_on_call_for_a_week_no_day_is_promised(applied: Town) -> None:
    applied.routes("routes: [{name: feast, hours: [{days: [holiday]}], channels: [{mqtt: a}]}]")
    like = AlarmExample(domain="flood")
    who = partial(routing.describe_recipients, applied.connection, like)
    assert who(None) == "no one at 2024-10-09T12:00:00Z: no one is on call"
    assert who(datetime(2024, 10, 31, 9, tzinfo=UTC)) == (
        "no one at 2024-10-31T09:00:00Z: no one is on call; from 2024-10-31T23:00:00Z on"
    )


def test_who_would_be_told_by_where_it_is(applied: Town) -> None:
    applied.routes(
        "routes: [{name: north, when: {areas: [Arpajon]}, channels: [{mqtt: a}]},"
        " {name: one, when: {sites: [cabinet], rules: [r]}, channels: [{mqtt: a}]}]"
    )

    def who(**like: str) -> str:
        found = routing.describe_recipients(
            applied.connection, AlarmExample(domain="flood", **like), None
        )
        return found.partition(":")[0]

    nobody = "no one at 2024-10-09T12"
    assert (who(site="orge"), who(site="cabinet"), who()) == ("north", nobody, nobody)
    assert who(site="cabinet", rule="r") == "one"


def test_a_file_is_applied_with_what_changed_and_without_what_is_secret(
    applied: Town, tmp_path: Path
) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTES.replace("word@x", "other@y").replace("[{mqtt: c}]", "[{mqtt: d}]"))
    told = routing.apply_routes(applied.connection, file, author=" ben ", reason=" moved ")
    assert told.splitlines()[0] == "revision 2 is in force: 2 routes"
    first, second = audit.list_acts(applied.connection, kind="routes")
    assert (first.author, first.subject, first.reason) == ("ann", "routes.yaml", REASON)
    assert (second.author, second.reason) == ("ben", "moved")
    day = '  - {name: day, hours: [{from: "08:00", to: "18:00"}], channels: [json://u:****@%s/]}'
    assert second.details == {
        "changed": [
            f"-{day % 'x.example'}",
            f"+{day % 'y.example'}",
            "-dead man: {every: 5 min, channels: [{mqtt: c}]}",
            "+dead man: {every: 5 min, channels: [{mqtt: d}]}",
        ]
    }
    shown = routing.show_routes(applied.connection, secrets=False)
    assert shown.splitlines()[0].endswith(", ben: moved")
    assert "other" not in shown
    assert "u:other@y.example" in routing.show_routes(applied.connection, secrets=True)
    assert routing.apply_routes(applied.connection, file, author="x", reason="x") == (
        f"{file} is already in force, as revision 2"
    )
    file.write_text("routes: []\n")
    dry = routing.apply_routes(applied.connection, file, author="x", reason="x", dry_run=True)
    assert dry.splitlines()[0] == (
        f"{file} is valid: 0 routes, no heartbeat (`dead man`) (--dry-run: nothing was changed)"
    )
    assert len(dry.splitlines()) > 1, "and which domains nobody takes"
    assert len(queries_routes.ROUTES.list_revisions(applied.connection)) == 2
    with pytest.raises(NotifyError, match="cannot be read"):
        routing.apply_routes(applied.connection, tmp_path / "none", author="x", reason="x")


def test_the_sign_of_life_is_tried_like_a_route(applied: Town) -> None:
    with pytest.raises(NotifyError, match="no notifier is running"):
        test_message.send_test(applied.connection, applied.settings, "dead man")
    applied.notifier()
    for wrong, near in (("dead mann", "dead man"), ("dai", "day")):
        with pytest.raises(
            NotifyError, match=f"there is no route '{wrong}'; did you mean '{near}'"
        ):
            test_message.send_test(applied.connection, applied.settings, wrong)
    acts = "SELECT author, subject, reason FROM audit WHERE kind = 'notification-test'"
    assert applied.connection.execute(acts).fetchall() == [], "what was not sent is no act"
    number = test_message.send_test(applied.connection, applied.settings, "dead man", author="root")
    assert applied.connection.execute(acts).fetchall() == [("root", "dead man", "sent a test")]
    (row,) = test_message.wait_for_outcome(applied.connection, number, seconds=0)
    assert (row.route, row.channel, row.event, row.state) == ("dead man", "1", "test", "waiting")
    kept = applied.connection.execute("SELECT active, notified_at FROM delivery").fetchall()
    assert kept == [(False, datetime(2024, 10, 9, 12, tzinfo=UTC))]
    events = applied.connection.execute("SELECT at, body, outcome, reason FROM outbox").fetchall()
    assert events == [(kept[0][1], {"route": "dead man"}, "sent to", "dead man")]


def test_a_message_is_in_hand_for_as_long_as_it_may_take(town: Town, hook: Webhook) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.raised()
    one = town.notifier()
    leaves, may = threading.Event(), threading.Event()

    def leave(_channel: Channel, _message: Message, _key: str) -> None:
        leaves.set()
        may.wait(30)

    one.send = leave
    before = datetime.now(UTC)
    while not leaves.is_set():
        one.turn()
        leaves.wait(0.01)
    (lease,) = town.connection.execute("SELECT lease FROM delivery").fetchone() or (before,)
    after = datetime.now(UTC)
    may.set()
    seconds = timedelta(seconds=3 * 0.5 + 10)  # three waits of a channel, and some
    assert before + seconds <= lease <= after + seconds


def test_the_outcome_of_a_test_is_waited_for_until_each_channel_has_tried(
    applied: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.notifier()
    number = test_message.send_test(applied.connection, applied.settings, "board")
    now, slept = 50.0, 0

    def sleep(seconds: float) -> None:
        nonlocal now, slept
        now, slept = now + seconds, slept + 1
        if slept == 60:
            applied.connection.execute("UPDATE delivery SET attempts = 1 WHERE channel = '1'")
            applied.connection.execute("UPDATE delivery SET state = 'sent' WHERE channel = '2'")

    monkeypatch.setattr(test_message, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    rows = test_message.wait_for_outcome(applied.connection, number, seconds=5)
    assert [row.state for row in rows] == ["waiting", "waiting"]
    assert 55 < now < 56
    rows = test_message.wait_for_outcome(applied.connection, number, seconds=50)
    assert [(row.state, row.attempts) for row in rows] == [("waiting", 1), ("sent", 0)]
    assert now < 57
