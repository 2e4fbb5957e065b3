"""What speaks, what waits and what is dropped: decided at sending time, on the scenario's clock."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.log import Alarm
from hypervisor.alarms.service import Act, perform
from hypervisor.base.instants import moment, text
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.queries_outbox import Event
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _duty(town: Town, hook: Webhook) -> None:
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")


def cabinet_inhibits(town: Town) -> None:
    town.rule(
        "lighting-cabinet", domain="lighting", inhibits=["lighting-lamp"], **{"for": "10 min"}
    )
    town.rule("lighting-lamp", domain="lighting")


def lamp(town: Town, number: int, at: float = 0) -> Alarm:
    subject = f"device/lamp-{number}"
    return town.raised(at, site="cabinet", domain="lighting", rule="lighting-lamp", subject=subject)


def at_cabinet(town: Town, at: float) -> Alarm:
    rule = "lighting-cabinet"
    return town.raised(at, site="cabinet", domain="lighting", rule=rule, subject="cabinet")


def told(hook: Webhook) -> list[tuple[str, str]]:
    return [(body["event"], body["alarm"]["subject"]) for _, body in hook.got]


def do(town: Town, alarm: Alarm, kind: ActKind, **given: object) -> None:
    what = Act(alarm=alarm.id, kind=kind, author="Anne", reason="seen", **given)  # type: ignore[arg-type]
    perform(town.connection, what, now=NOW)
    town.connection.commit()


def test_a_flooded_cabinet_with_forty_lamps_is_one_notification(town: Town, hook: Webhook) -> None:
    cabinet_inhibits(town)
    lamps = [lamp(town, number) for number in range(40)]
    town.settle()
    assert told(hook) == []  # the lamps have a grace: their cabinet may be slower than they

    at_cabinet(town, 8)
    town.beat(8)
    town.settle()
    town.beat(60)
    town.settle()
    assert told(hook) == [("raised", "cabinet")]

    for one in lamps:
        town.over(one, 70)
    town.beat(90)
    town.settle()
    assert told(hook) == [("raised", "cabinet")]
    assert ("raised", "dropped", "it was over before it could be sent") in town.events()


def test_a_lamp_whose_cabinet_says_nothing_speaks_after_its_grace(
    town: Town, hook: Webhook
) -> None:
    cabinet_inhibits(town)
    town.device("probe", "cabinet", interval=300)
    lamp(town, 1)
    town.beat(14.9)
    town.settle()
    before = told(hook)
    town.beat(15)  # the cabinet's `for`, and one interval
    town.settle()

    assert before == []
    assert told(hook) == [("raised", "device/lamp-1")]


def test_inhibited_at_first_and_no_longer_later_it_speaks_then(town: Town, hook: Webhook) -> None:
    cabinet_inhibits(town)
    cabinet = at_cabinet(town, 0)
    lamp(town, 1)
    town.beat(20)
    town.settle()
    [_, (_, _, why)] = town.events()
    town.over(cabinet, 30)
    town.beat(31)
    town.settle()

    assert why == f"alarm {cabinet.id} inhibits it: {cabinet.title}"
    assert told(hook) == [
        ("raised", "cabinet"),
        ("raised", "device/lamp-1"),
        ("cleared", "cabinet"),
    ]


def test_shelved_it_waits_and_speaks_as_it_then_is(town: Town, hook: Webhook) -> None:
    first = town.raised()
    town.settle()
    do(town, first, ActKind.SHELVE, until=moment(town.at(60)))
    town.worse(first, 10, "critical")
    town.beat(30)
    town.settle()
    assert told(hook) == [("raised", "orge")]

    town.beat(61)
    town.settle()
    assert told(hook) == [("raised", "orge"), ("severity", "orge")]
    assert hook.got[1][1]["severity"] == "critical"


def test_planned_works_are_silent(town: Town, hook: Webhook) -> None:
    window = {"begins": text(town.at(-60)), "ends": text(town.at(60)), "sites": ["orge"]}
    town.revise("works", "bridge", window)
    over, lasting = town.raised(), town.raised(rule="flood-lasting")
    town.settle()
    [held, _] = town.events()
    town.over(over, 20)
    town.beat(90)
    town.settle()

    assert held[1:] == (None, f"planned works bridge until {text(town.at(60))}: test")
    assert [body["alarm"]["id"] for _, body in hook.got] == [lasting.id]


def test_what_comes_and_goes_is_damped(town: Town, hook: Webhook) -> None:
    for at in range(0, 40, 4):
        alarm = town.raised(at)
        town.beat(at)
        town.settle()
        town.over(alarm, at + 2)
        town.beat(at + 2)
        town.settle()

    raised = [event for event, _ in told(hook) if event == "raised"]
    assert len(raised) == 5
    assert sum(outcome == "dropped" for _, outcome, _ in town.events()) == 10


def test_withdrawn_is_told_to_those_who_were_told(town: Town, hook: Webhook) -> None:
    known, unknown = town.raised(), town.raised(domain="weather")
    town.routes(
        "routes: [{name: duty, when: {domains: [flood]}, channels:"
        f" [{{webhook: '{hook.url}'}}]}}]"
    )
    town.settle()
    for alarm in (known, unknown):
        gone = replace(alarm, withdrawn=town.at(5))
        town.tell(gone, "withdrawn", 5, "a late reading of level")
    town.beat(5)
    town.settle()

    assert told(hook) == [("raised", "orge"), ("withdrawn", "orge")]
    assert "Motif : a late reading of level" in hook.got[1][1]["text"]
    assert town.events()[1:] == [
        ("raised", "no route", "no route matches"),
        ("withdrawn", "sent to", "duty"),
        ("withdrawn", "dropped", "no one was notified of it"),
    ]


def test_a_revision_is_told_when_it_matters_now(town: Town, hook: Webhook) -> None:
    lasting, past = town.raised(), town.raised(subject="past")
    town.settle()
    past = town.over(past, 5)
    town.beat(5)
    town.settle()
    for alarm in (lasting, past):
        town.tell(alarm, "revised", 10, "began earlier")
    town.beat(10)
    town.settle()

    assert told(hook)[3:] == [("revised", "orge")]
    assert town.events()[-1] == ("revised", "dropped", "it is over, and no one was notified of it")


def test_what_a_revision_ends_is_told_as_what_it_is(town: Town, hook: Webhook) -> None:
    alarm = town.raised()
    town.settle()
    ended = replace(alarm, episode=replace(alarm.episode, ended=town.at(3)))
    town.tell(ended, "revised", 10, "ended 12:03 instead of lasting")
    town.beat(10)
    town.settle()

    assert told(hook) == [("raised", "orge"), ("revised", "orge")]
    assert hook.got[1][1]["alarm"]["ended"] == text(town.at(3))


def test_unacknowledged_it_is_reminded_of_and_passed_on_until_somebody_acknowledges(
    town: Town, hook: Webhook
) -> None:
    town.routes(f"""
routes:
  - name: duty
    channels: [{{webhook: "{hook.url}"}}]
    remind: 30 min
    escalate: {{after: 15 min, to: chief}}
  - name: chief
    only escalated: yes
    channels: [{{webhook: "{hook.url}"}}]
""")
    town.rule("flood-slow", remind="2 h", escalate="3 h")
    alarm = town.raised()
    town.settle()  # two at once may arrive in either order
    town.raised(rule="flood-slow", subject="slow")
    town.settle()

    def after(minutes: float) -> list[str]:
        town.beat(minutes)
        for notifier in town.notifiers:
            notifier.remind_at_once()
            notifier.turn()
        town.settle()
        return [f"{b['event']} {b['alarm']['subject']}" for _, b in hook.got]

    begun = ["raised orge", "raised slow"]
    assert after(14) == begun
    assert after(16) == [*begun, "escalation orge"]
    assert after(31) == [*begun, "escalation orge", "reminder orge"]
    assert after(95) == [*begun, "escalation orge", "reminder orge", "reminder orge"]
    keys = [key.split("/")[1] for key in hook.keys]
    assert keys == ["duty", "duty", "chief", "duty", "duty"]

    do(town, alarm, ActKind.ACKNOWLEDGE)
    assert after(125)[5:] == ["reminder slow"]
    kinds = town.connection.execute("SELECT kind, author FROM alarm_act ORDER BY id").fetchall()
    assert kinds == [
        ("escalate", "system"),
        ("remind", "system"),
        ("remind", "system"),
        ("acknowledge", "Anne"),
        ("remind", "system"),
    ]


def test_where_nobody_is_on_call_it_waits_for_the_morning(town: Town, hook: Webhook) -> None:
    town.routes(f"""
routes:
  - name: office
    hours: [{{days: [workday], from: "08:00", to: "12:00"}}]
    channels: [{{webhook: "{hook.url}"}}]
""")
    kept, gone = town.raised(), town.raised(subject="gone")
    town.settle()
    town.over(gone, 60)
    town.beat(60)
    town.settle()
    assert told(hook) == []

    town.beat(18 * 60 - 1)  # 07:59 of Thursday in Paris
    town.settle()
    assert told(hook) == []
    town.beat(18 * 60)
    town.settle()
    assert told(hook) == [("raised", kept.episode.subject)]


def test_areas_severities_and_events_choose(town: Town, hook: Webhook) -> None:
    town.routes(f"""
routes:
  - {{name: epci, when: {{areas: ["Cœur d'Essonne"]}}, channels: [{{webhook: "{hook.url}"}}]}}
  - name: code
    when: {{areas: ["91"], severity: critical}}
    channels: [{{webhook: "{hook.url}"}}]
  - {{name: end, when: {{events: [cleared]}}, channels: [{{webhook: "{hook.url}"}}]}}
  - {{name: crew, when: {{labels: {{crew: north}}}}, channels: [{{webhook: "{hook.url}"}}]}}
  - {{name: south, when: {{labels: {{crew: south}}}}, channels: [{{webhook: "{hook.url}"}}]}}
  - {{name: lamps, when: {{domains: [lighting]}}, channels: [{{webhook: "{hook.url}"}}]}}
""")
    town.rule("flood-high", labels={"crew": "north"})
    alarm = town.raised()
    town.settle()
    town.worse(alarm, 5, "critical")
    town.beat(5)
    town.settle()

    assert sorted((key.split("/")[1], body["event"]) for key, body in hook.got) == [
        ("code", "severity"),
        ("crew", "raised"),
        ("crew", "severity"),
        ("epci", "raised"),
        ("epci", "severity"),
    ]


def test_what_is_withdrawn_before_it_is_told_is_not_told(town: Town, hook: Webhook) -> None:
    alarm = town.raised()
    town.tell(replace(alarm, withdrawn=town.at(1)), "withdrawn", 1)
    town.beat(1)
    town.settle()

    assert told(hook) == []
    assert town.events() == [
        ("raised", "dropped", "it was withdrawn before anybody was notified"),
        ("withdrawn", "dropped", "no one was notified of it"),
    ]


def test_over_while_nobody_was_at_work_both_are_told(town: Town, hook: Webhook) -> None:
    town.over(town.raised(), 3)
    town.beat(60)
    town.settle()

    assert told(hook) == [("raised", "orge"), ("cleared", "orge")]


def test_routes_that_cannot_be_read_lose_nothing(town: Town, hook: Webhook) -> None:
    town.routes("routes: []")  # what stands before has no route either
    town.routes("routes: [{name: duty, channels: ['no-such-kind://x']}]")
    town.raised()
    notifier = town.notifier()
    town.work(lambda: bool(town.said), notifier)
    notifier.turn()
    assert town.events() == [("raised", None, None)]
    assert "is not a kind of channel" in town.said[0]

    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    town.settle(notifier)
    assert told(hook) == [("raised", "orge")]


@pytest.mark.parametrize("kind", ["severity", "stale", "revised"])
def test_no_news_of_an_alarm_comes_before_its_raising(town: Town, hook: Webhook, kind: str) -> None:
    """The raising waits its grace, and then tells what has become of the alarm."""
    cabinet_inhibits(town)
    alarm = lamp(town, 1)
    town.settle()
    worse = replace(alarm.episode, severity=(*alarm.episode.severity, (town.at(2), "critical")))
    town.tell(replace(alarm, episode=worse), kind, 2, "critical")
    other = town.raised(subject="elsewhere")
    town.worse(other, 2, "critical")
    town.beat(3)
    town.settle()
    assert told(hook) == [("raised", "elsewhere"), ("severity", "elsewhere")]
    assert (kind, "dropped", "included in the raised notification, which waits") in town.events()

    town.beat(30)
    town.settle()
    assert told(hook)[2:] == [("raised", "device/lamp-1")]
    assert hook.got[2][1]["severity"] == "critical"


def test_what_was_dropped_told_nobody(town: Town, hook: Webhook) -> None:
    """No reminder is sent of it, and its end is not notified."""
    town.routes(f"""
routes:
  - {{name: duty, remind: 30 min, channels: [{{webhook: "{hook.url}"}}]}}
""")
    dropped, heard = town.raised(), town.raised(subject="other")
    town.settle()
    town.connection.execute("UPDATE delivery SET state = 'dropped' WHERE alarm = %s", [dropped.id])
    town.connection.commit()
    town.beat(31)
    for one in town.notifiers:
        one.remind_at_once()
        one.turn()
    town.settle()
    town.over(dropped, 32)
    town.over(heard, 32)
    town.beat(32)
    town.settle()

    assert told(hook)[2:] == [("reminder", "other"), ("cleared", "other")]
    assert ("cleared", "dropped", "no one was notified of it") in town.events()


def test_an_event_without_an_alarm_is_dropped_with_its_reason(town: Town, hook: Webhook) -> None:
    event = Event(alarm=None, event="raised", at=town.at(0), body={}, key="none")
    queries_outbox.put_events(town.connection, [event])
    town.connection.commit()
    town.settle()
    assert town.events() == [("raised", "dropped", "it has no alarm")]
    assert told(hook) == []
