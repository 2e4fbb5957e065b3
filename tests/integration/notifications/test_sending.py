"""A real mail server and a real webhook: they fail, hang, come back; repeats have one key."""

from contextlib import closing
from dataclasses import replace

import pytest

from hypervisor.database.connect import connect
from hypervisor.notifications import queries_deliveries
from hypervisor.notifications.model import Message
from hypervisor.notifications.queries_deliveries import ClaimedDelivery
from hypervisor.notifications.route_file import read_routes
from hypervisor.notifications.routes import Channel
from tests.integration.notifications.servers import MailServer, Mood, Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration


def both(mail: MailServer, hook: Webhook) -> str:
    return f"""
routes:
  - name: duty
    channels:
      - {{name: mail, apprise: "{mail.url}"}}
      - {{name: hook, webhook: "{hook.url}"}}
"""


def test_an_alarm_and_its_end_reach_mail_and_webhook(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    town.routes(both(mail, hook))
    alarm = town.raised()
    town.settle()
    town.over(alarm, 30)
    town.beat(30)
    town.settle()

    assert [one.to for one in mail.got] == ["duty@town.example"] * 2
    assert mail.got[0].subject == "EXERCICE - ALARME MAJEURE - Orge à Arpajon: river high"
    assert mail.got[1].subject == "EXERCICE - FIN D'ALARME - Orge à Arpajon: river high"
    assert "Mesure : hauteur d'eau 2,41 m" in mail.got[0].text
    assert "Conseil : Close the embankment road." in mail.got[0].text
    assert f"https://town.example/alarms/{alarm.id}" in mail.got[0].text
    assert hook.keys == [f"{town.key(alarm, event)}/duty/hook" for event in ("raised", "cleared")]
    body = hook.got[0][1]
    assert (body["event"], body["severity"], body["exercise"]) == ("raised", "major", True)
    assert body["alarm"]["active"]
    assert not hook.got[1][1]["alarm"]["active"]
    assert mail.keys == [key.replace("hook", "mail") for key in hook.keys]


@pytest.mark.parametrize("mood", ["fails", "hangs", "forgets"])
def test_a_webhook_that_fails_is_tried_again_under_the_same_key_and_holds_up_nobody(
    town: Town, mail: MailServer, hook: Webhook, mood: Mood
) -> None:
    town.routes(both(mail, hook))
    hook.be(mood)
    first = town.raised()
    second = town.raised(subject="other")
    town.work(
        lambda: hook.tries >= 2 and [row.channel for row in town.waiting()] == ["hook", "hook"]
    )
    hook.be("well")
    town.settle()

    assert len(mail.got) == 2
    assert sorted({*hook.keys}) == sorted(
        f"{town.key(alarm, 'raised')}/duty/hook" for alarm in (first, second)
    )
    assert {row.state for row in town.rows()} == {"sent"}
    tried = next(row for row in town.rows() if row.attempts)
    assert tried.last_error


@pytest.mark.parametrize("mood", ["fails", "hangs", "forgets"])
def test_a_mail_server_that_fails_is_tried_again_under_the_same_key(
    town: Town, mail: MailServer, hook: Webhook, mood: Mood
) -> None:
    town.routes(both(mail, hook))
    mail.be(mood)
    alarm = town.raised()
    town.work(lambda: mail.tries >= 2 and len(hook.got) == 1)
    mail.be("well")
    town.settle()

    assert {*mail.keys} == {f"{town.key(alarm, 'raised')}/duty/mail"}
    assert {(row.channel, row.state) for row in town.rows()} == {("mail", "sent"), ("hook", "sent")}


def test_nobody_listens_at_all(town: Town, mail: MailServer, hook: Webhook) -> None:
    town.routes(both(mail, hook))
    hook.stop()
    town.raised()
    town.work(lambda: len(mail.got) == 1 and [row.attempts > 1 for row in town.waiting()] == [True])
    [row] = town.waiting()
    hook.start()
    town.routes(both(mail, hook))  # what waits goes to what stands under its name now
    town.settle()

    assert "refused" in (row.last_error or "")
    assert len(hook.got) == 1


def test_of_one_alarm_the_end_waits_for_the_beginning(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    town.routes(both(mail, hook))
    hook.be("fails")
    alarm = town.raised()
    town.over(alarm, 5)
    town.beat(5)
    town.work(lambda: len(mail.got) == 2 and hook.tries > 1)
    hook.be("well")
    town.settle()

    assert [body["event"] for _, body in hook.got] == ["raised", "cleared"]


def test_what_is_given_up_is_listed_and_can_be_sent_again(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    town.settings = town.settings.model_copy(update={"notify_give_up_hours": 0.0})
    town.routes(both(mail, hook))
    hook.be("fails")
    alarm = town.raised()
    town.settle()
    dead = [row for row in town.rows() if row.state == "dead"]
    hook.be("well")
    assert queries_deliveries.retry_dead(town.connection, [row.id for row in dead]) == 1
    town.connection.commit()
    town.settle()

    assert [(row.channel, row.last_error) for row in dead] == [
        ("hook", "answered 503 Service Unavailable")
    ]
    assert any("GIVEN UP" in words for words in town.said)
    assert hook.keys == [f"{town.key(alarm, 'raised')}/duty/hook"]


def test_two_at_work_send_each_message_once(town: Town, mail: MailServer, hook: Webhook) -> None:
    town.routes(both(mail, hook))
    made = [town.raised(subject=f"gauge-{number}") for number in range(12)]
    town.settle(town.notifier(), town.notifier())

    assert sorted(hook.keys) == sorted(f"{town.key(alarm, 'raised')}/duty/hook" for alarm in made)
    assert sorted(mail.keys) == sorted(f"{town.key(alarm, 'raised')}/duty/mail" for alarm in made)


def test_what_a_dead_process_had_in_hand_is_free_at_once(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    town.routes(both(mail, hook))
    hook.be("hangs")
    alarm = town.raised()
    first = town.notifier()
    town.work(lambda: hook.tries == 1, first)
    first.close()
    hook.be("well")
    town.settle(town.notifier())

    assert hook.keys == [f"{town.key(alarm, 'raised')}/duty/hook"]


def test_a_message_is_claimed_for_all_to_see_before_it_leaves(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    """Another process, at that moment, must not send it too."""
    town.routes(both(mail, hook))
    town.raised()
    seen: list[object] = []
    notifier = town.notifier()
    leave = notifier.send

    def look_and_leave(channel: Channel, message: Message, key: str) -> None:
        with connect(town.url) as other:
            seen.extend(
                other.execute(
                    "SELECT state, worker IS NOT NULL, lease > now() FROM delivery WHERE key = %s",
                    [key],
                )
            )
        leave(channel, message, key)

    notifier.send = look_and_leave
    town.settle(notifier)
    assert seen == [("waiting", True, True)] * 2


def test_an_alarm_that_is_found_again_has_a_key_of_its_own_whatever_its_number(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    """Restored or rebuilt, a database numbers again; what it tells is told under the same keys."""
    town.routes(both(mail, hook))
    town.connection.execute("SELECT setval(pg_get_serial_sequence('alarm', 'id'), 40)")
    first = town.raised(subject="device/a", rule="flood-high")
    town.settle()
    town.tell(replace(first, withdrawn=town.at(1)), "withdrawn", 1)
    again = town.raised(subject="device/a", rule="flood-high")
    town.beat(2)
    town.settle()

    assert first.id > 40
    assert again.id != first.id
    assert hook.keys == [
        f"flood-high:device/a:2024-10-09T12:00:00Z:{event}/duty/hook"
        for event in ("raised:1", "withdrawn:1", "raised:2")
    ]


def test_nothing_overtakes_what_of_its_alarm_waits_or_is_in_hand(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    town.routes(both(mail, hook))
    ends = town.raised()
    town.over(ends, 5)
    town.raised(subject="other")
    town.beat(5)
    lane = ("duty", "hook")
    with closing(connect(town.url, autocommit=True)) as own:
        decide(town, both(mail, hook))
        worker = queries_deliveries.register_worker(own)

        def take() -> str | None:
            parcel = queries_deliveries.claim_next(own, worker, lane, seconds=60)
            return None if parcel is None else parcel.key.removesuffix("/duty/hook")

        def number(key: str) -> int:
            (row,) = [row for row in town.rows() if row.key == f"{key}/duty/hook"]
            return row.id

        begin = town.key(ends, "raised")
        assert take() == begin
        assert take() == begin.replace(":orge:", ":other:")
        assert take() is None  # its beginning is in hand
        queries_deliveries.mark_failed(own, number(begin), error="no answer", wait=3600)
        assert take() is None  # or waits
        assert queries_deliveries.claim_next(own, worker, ("duty", "mail"), seconds=60) is not None
        queries_deliveries.mark_sent(own, number(begin))
        assert take() == town.key(ends, "cleared")


@pytest.mark.parametrize("fails", [0, 4])
def test_the_next_alarm_waits_for_the_end_of_the_last_unless_that_fails_four_times(
    town: Town, mail: MailServer, hook: Webhook, fails: int
) -> None:
    """An end after the next beginning would read as if nothing were active."""
    town.routes(both(mail, hook))
    first = town.raised()
    town.settle()
    town.over(first, 5)
    second = town.raised(6)
    town.beat(6)
    decide(town, both(mail, hook), events=2)
    with closing(connect(town.url, autocommit=True)) as own:
        worker = queries_deliveries.register_worker(own)

        def take() -> ClaimedDelivery | None:
            return queries_deliveries.claim_next(own, worker, ("duty", "hook"), seconds=60)

        end = take()
        assert end is not None
        assert end.key == f"{town.key(first, 'cleared')}/duty/hook"
        for _ in range(fails):
            assert take() is None
            queries_deliveries.mark_failed(own, end.id, error="answered 422", wait=3600)
        if not fails:
            assert take() is None
            queries_deliveries.mark_sent(own, end.id)
        beginning = take()
        assert beginning is not None
        assert beginning.key == f"{town.key(second, 'raised')}/duty/hook"


def test_what_was_given_up_and_overtaken_is_not_sent_afterwards(
    town: Town, mail: MailServer, hook: Webhook
) -> None:
    town.routes(both(mail, hook))
    alarm = town.raised()
    town.over(alarm, 5)
    town.raised(subject="other")
    town.beat(5)
    decide(town, both(mail, hook))
    beginnings = [row.id for row in town.rows() if row.event == "raised" and row.channel == "hook"]
    for number in beginnings:
        queries_deliveries.mark_dead(town.connection, number, error="gone")
    town.connection.commit()
    town.settle()
    assert [body["event"] for _, body in hook.got] == ["cleared"]
    assert queries_deliveries.retry_dead(town.connection, []) == 1
    town.connection.commit()
    town.settle()

    assert [(b["event"], b["alarm"]["subject"]) for _, b in hook.got] == [
        ("cleared", "orge"),
        ("raised", "other"),
    ]
    assert {row.id: row.state for row in town.rows() if row.id in beginnings} == {
        beginnings[0]: "dropped",
        beginnings[1]: "sent",
    }


def decide(town: Town, routes: str, *, events: int = 3) -> None:
    """Decide what is due, and send nothing of it."""
    notifier = town.notifier()
    notifier.dispatcher.routes = read_routes(routes, file="routes")
    notifier.dispatcher.ready = True
    assert notifier.dispatcher.decide(notifier.connection) == events
