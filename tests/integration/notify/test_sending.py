"""A real mail server and a real webhook: they fail, hang, come back; repeats have one key."""

import pytest

from hypervisor.store.notify import deliveries
from tests.integration.notify.servers import MailServer, Mood, Webhook
from tests.integration.notify.town import Town

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
    assert hook.keys == [f"{alarm.id}:raised:1/duty/hook", f"{alarm.id}:cleared:1/duty/hook"]
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
    assert sorted({*hook.keys}) == [f"{one.id}:raised:1/duty/hook" for one in (first, second)]
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

    assert {*mail.keys} == {f"{alarm.id}:raised:1/duty/mail"}
    assert {(row.channel, row.state) for row in town.rows()} == {("mail", "sent"), ("hook", "sent")}


def test_nobody_listens_at_all(town: Town, mail: MailServer, hook: Webhook) -> None:
    town.routes(both(mail, hook))
    hook.stop()
    town.raised()
    town.work(lambda: len(mail.got) == 1 and any(row.attempts > 1 for row in town.rows()))
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
    assert deliveries.retry(town.connection, [row.id for row in dead]) == 1
    town.connection.commit()
    town.settle()

    assert [(row.channel, row.last_error) for row in dead] == [
        ("hook", "answered 503 Service Unavailable")
    ]
    assert any("GIVEN UP" in words for words in town.said)
    assert hook.keys == [f"{alarm.id}:raised:1/duty/hook"]


def test_two_at_work_send_each_message_once(town: Town, mail: MailServer, hook: Webhook) -> None:
    town.routes(both(mail, hook))
    made = [town.raised(subject=f"gauge-{number}").id for number in range(12)]
    town.settle(town.notifier(), town.notifier())

    assert sorted(hook.keys) == sorted(f"{number}:raised:1/duty/hook" for number in made)
    assert sorted(mail.keys) == sorted(f"{number}:raised:1/duty/mail" for number in made)


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

    assert hook.keys == [f"{alarm.id}:raised:1/duty/hook"]
