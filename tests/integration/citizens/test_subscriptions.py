"""Subscriptions by mail, on a real mail server: confirmed, told of each message once, ended."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import httpx
import psycopg
import pytest

from hypervisor.base.settings import Settings
from hypervisor.citizens import diagnosis, mailing
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.lane import Lane
from hypervisor.citizens.mailing import build_lane
from hypervisor.database.connect import Connection, connect
from hypervisor.publications import diagnosis as drafts
from tests.integration.notifications.servers import Mail, MailServer
from tests.integration.publications.conftest import ORGE, YVETTE, Room

pytestmark = pytest.mark.integration
_LINK = re.compile(r"https://alerte\.example(/public/\S+)")
_SILENT: Callable[[str], None] = lambda _words: None  # noqa: E731


@dataclass(kw_only=True)
class Post:
    """A room with a mail server, a mailer, and a citizen."""

    room: Room
    server: MailServer
    lane: Lane
    citizen: httpx.Client
    connection: Connection

    def subscribe(self, address: str, commune: str = ORGE) -> httpx.Response:
        fields = {"address": address, "commune": commune, "lang": "fr"}
        return self.citizen.post("/public/subscriptions", data=fields)

    def confirm(self, address: str, commune: str = ORGE) -> None:
        """Subscribe, and press the button that the mail leads to."""
        assert self.subscribe(address, commune).status_code == 200
        (mail,) = self.deliver()
        path = find_link(mail)
        assert self.citizen.get(path).status_code == 200
        assert "C’est confirmé" in self.citizen.post(path).text  # noqa: RUF001

    def deliver(self) -> list[Mail]:
        """The mails that come now."""
        before = len(self.server.got)
        for _turn in range(3):
            self.lane.turn()
            self.lane.finish(20)
        return self.server.got[before:]

    def count(self, table: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  ours
        return int(row[0]) if row else 0


def find_link(mail: Mail) -> str:
    link = _LINK.search(mail.text)
    assert link, mail.text
    return link[1]


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    made = MailServer()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def room(make_room: Callable[..., Room], server: MailServer) -> Room:
    return make_room(**describe(server))


def describe(server: MailServer) -> dict[str, object]:
    """The settings of mails to citizens."""
    return {
        "public_page": "public",
        "public_url": "https://alerte.example",
        "citizens_mail": f"mailto://127.0.0.1:{server.port}?from=alerte@town.example",
        "citizens_key": "a secret of forty letters, and not less!",
        "citizens_mails_per_minute": 60_000,
        "notify_timeout_seconds": 5,
    }


@pytest.fixture
def post(room: Room, server: MailServer) -> Iterator[Post]:
    server.mood = "well"
    with (
        httpx.Client(base_url=room.base) as citizen,
        connect(room.world.url, autocommit=True) as connection,
        closing(open_lane(connection, room.settings, room.clock)) as lane,
    ):
        connection.execute("DELETE FROM subscription")
        lane._allowed = 40  # noqa: SLF001  as after a while
        yield Post(room=room, server=server, lane=lane, citizen=citizen, connection=connection)


def open_lane(connection: Connection, settings: Settings, clock: Callable[[], datetime]) -> Lane:
    lane = build_lane("mail", connection, settings, _SILENT, clock)
    assert lane is not None
    return lane


def test_a_subscriber_hears_of_each_message_once(post: Post) -> None:
    page = post.citizen.get("/public", params={"commune": ORGE}).text
    assert 'action="/public/subscriptions"' in page
    post.confirm("jeanne@town.example")
    post.confirm("jeanne@town.example", YVETTE)  # both communes: one mail all the same
    assert post.subscribe("paul@town.example").status_code == 200  # never confirms
    post.deliver()
    published = post.room.publish((ORGE, YVETTE))
    (alert,) = post.deliver()
    assert alert.to == "jeanne@town.example"
    assert "Crue de l'Orge" in alert.subject
    assert "Éloignez-vous." in alert.text
    assert alert.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert post.deliver() == []
    draft = post.room.follow_up(post.room.anne, published, "Update").json()["publication"]
    published = post.room.sign(post.room.bert, draft)
    (update,) = post.deliver()
    assert update.subject.startswith("Mise à jour")
    draft = post.room.follow_up(post.room.anne, published, "Cancel").json()["publication"]
    post.room.sign(post.room.bert, draft)
    assert [mail.to for mail in post.deliver()] == ["jeanne@town.example"]
    assert len({mail.key for mail in post.server.got}) == len(post.server.got)


def test_one_click_ends_it_and_deletes_the_address(post: Post) -> None:
    post.confirm("jeanne@town.example")
    post.room.publish((ORGE,))
    (mail,) = post.deliver()
    link = _LINK.search(mail.headers["List-Unsubscribe"])
    assert link
    path = link[1].rstrip(">")
    assert "Arrêter tous les messages" in post.citizen.get(path).text
    assert post.count("subscription") == 1  # a look alone ends nothing
    answer = post.citizen.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert post.count("subscription") == post.count("subscription_delivery") == 0
    assert post.citizen.post("/public/unsubscribe/AAAA").status_code == 404
    post.room.publish((ORGE,))
    assert post.deliver() == []


def test_a_mail_that_was_not_taken_comes_later_under_its_key(post: Post) -> None:
    post.confirm("jeanne@town.example")
    published = post.room.publish((ORGE,))
    post.server.be("forgets")  # took it, and broke off before it said so
    (first,) = post.deliver()
    draft = post.room.follow_up(post.room.anne, published, "Cancel").json()["publication"]
    post.room.sign(post.room.bert, draft)
    post.server.be("well")
    assert post.deliver() == []  # the end waits behind its warning
    post.connection.execute("UPDATE subscription_delivery SET due_at = now() WHERE sent_at IS NULL")
    again, end = post.deliver()
    assert again.key == first.key != end.key
    error = post.connection.execute(
        "SELECT string_agg(error, '') FROM subscription_delivery"
    ).fetchone()
    assert "jeanne" not in str(error)


def test_what_a_dead_sender_had_taken_is_sent_by_the_next(post: Post) -> None:
    post.confirm("jeanne@town.example")
    post.room.publish((ORGE,))
    queries.fan_out(post.connection, post.room.clock())
    (taken,) = queries.claim(post.connection, "mail", 40)
    assert post.deliver() == []  # nobody knows yet that it died
    assert queries.release(post.connection, "push") == 0
    assert queries.release(post.connection, "mail") == 1
    (mail,) = post.deliver()
    assert mail.key == f"citizen-{taken.message}-{taken.subscription}"
    assert queries.release(post.connection, "mail") == 0


def test_what_was_put_back_untried_goes_before_what_failed(post: Post) -> None:
    for name in ("jeanne", "paul", "marie"):
        post.confirm(f"{name}@town.example")
    post.room.publish((ORGE,))
    queries.fan_out(post.connection, post.room.clock())
    often, seldom, untried = (each.id for each in queries.claim(post.connection, "mail", 40))
    none = timedelta(0)
    queries.mark_failed(
        post.connection,
        [queries.Failure(delivery=each, error="no", wait=none) for each in (often, seldom)],
    )
    post.connection.execute("UPDATE subscription_delivery SET attempts = 2 WHERE id = %s", [often])
    queries.postpone(post.connection, untried, "waits", none)
    order = [queries.claim(post.connection, "mail", 1)[0].id for _ in range(3)]
    assert order == [untried, seldom, often]


def test_nothing_tells_who_subscribed_and_nobody_is_flooded(post: Post) -> None:
    post.confirm("jeanne@town.example")
    new, old = (post.subscribe(f"{who}@town.example") for who in ("marie", "jeanne"))
    assert (new.status_code, new.text) == (old.status_code, old.text)
    assert [mail.to for mail in post.deliver()] == ["marie@town.example"]  # not again in the hour
    assert post.subscribe("no address").status_code == 422
    assert post.subscribe("marie@town.example\r\nBcc: all@town.example").status_code == 422
    rows = post.connection.execute("SELECT address, digest FROM subscription").fetchall()
    assert not any(b"town.example" in bytes(part) for row in rows for part in row)


def test_what_nobody_confirms_is_deleted_after_two_days(post: Post) -> None:
    post.subscribe("paul@town.example")
    (mail,) = post.deliver()
    post.connection.execute("UPDATE subscription SET requested_at = now() - INTERVAL '49 hours'")
    assert post.citizen.post(find_link(mail)).status_code == 404
    post.lane._cleaned = float("-inf")  # noqa: SLF001  a minute later
    post.lane.turn()
    assert post.count("subscription") == 0


def test_a_crowd_is_mailed_at_its_pace(post: Post) -> None:
    post.confirm("jeanne@town.example")
    post.connection.execute(
        "INSERT INTO subscription (channel, digest, address, commune, language, confirmed_at)"
        " SELECT 'mail', convert_to(n::text, 'UTF8'), s.address, s.commune, 'fr', now()"
        " FROM generate_series(1, 2000) n, subscription s"
    )
    post.room.publish((ORGE,))
    post.lane.channel.per_minute = 1
    post.lane._allowed = 3  # noqa: SLF001
    before = len(post.server.got)
    post.lane.turn()
    post.lane.turn()
    post.lane.finish(20)
    assert len(post.server.got) - before == 3
    assert post.count("subscription_delivery WHERE message > 0") == 2_001


def test_only_what_is_real_reaches_citizens(
    post: Post, make_room: Callable[..., Room], server: MailServer
) -> None:
    post.confirm("jeanne@town.example")
    post.room.publish((ORGE,), status="Test")
    assert post.deliver() == []
    exercise = make_room(mode="exercise", **describe(server))
    with httpx.Client(base_url=exercise.base) as citizen:
        fields = {"address": "jeanne@town.example", "commune": ORGE, "lang": "fr"}
        assert citizen.post("/public/subscriptions", data=fields).status_code == 404
    said: list[str] = []
    settings: Settings = exercise.settings
    mailing.run(settings, stopping=lambda: len(said) == 2, say=said.append, clock=exercise.clock)
    expected = {f"an exercise sends nothing to citizens: {name}" for name in ("mail", "push")}
    assert set(said) == expected
    with connect(exercise.world.url, autocommit=True) as connection:
        insert = (
            "INSERT INTO subscription (channel, digest, address, commune, language, confirmed_at)"
            " VALUES ('mail', 'a', 'b', '91001', 'fr', now())"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="sends nothing"):
            connection.execute(insert)
        # even from one that was there before, by whatever way
        connection.execute("ALTER TABLE subscription DISABLE TRIGGER live_only")
        connection.execute(insert)
        exercise.publish((ORGE,))
        before = len(server.got)
        for name in ("mail", "push"):
            assert build_lane(name, connection, settings, _SILENT, exercise.clock) is None
        with closing(replace(post.lane, connection=connection, clock=exercise.clock)) as lane:
            lane.turn()
        assert len(server.got) == before


def test_doctor_says_what_waits_and_what_was_given_up(post: Post) -> None:
    def find(subject: str) -> list[tuple[str, str]]:
        later = post.room.clock() + timedelta(hours=7)
        findings = [
            *diagnosis.check(post.connection, post.room.settings, post.room.clock()),
            *drafts.check(post.connection, post.room.settings, later),
        ]
        return [(each.state, each.what) for each in findings if each.subject == subject]

    post.confirm("jeanne@town.example")
    post.subscribe("paul@town.example")
    what = "1 subscribers, 1 to confirm, 1 waiting"
    assert find("mails to citizens") == [("good", what)]
    post.connection.execute(
        "UPDATE subscription_delivery SET due_at = now() - INTERVAL '10 minutes'"
        " WHERE sent_at IS NULL"
    )
    assert find("mails to citizens") == [("bad", f"{what}, one of them for 10 min")]
    post.connection.execute(
        "UPDATE subscription_delivery SET sent_at = NULL, given_up_at = now(), error = '550 no'"
        " WHERE sent_at IS NOT NULL"
    )
    assert ("warning", "1 given up within 30 days: 550 no") in find("mails to citizens")
    assert find("publications") == []
    drafted = post.room.draft(post.room.anne)
    number = drafted.json()["publication"]["id"]
    assert find("publications") == [("warning", f"drafts unsigned for 6 h or more: {number}")]
