"""Web push to citizens, on a real HTTPS server that stands for a push service."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from hypervisor.broker.child import wait_until
from hypervisor.citizens import diagnosis, push_key
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.lane import Lane
from hypervisor.citizens.mailing import build_lane
from hypervisor.citizens.push_key import PushKeyError
from hypervisor.database.connect import Connection, connect
from tests.integration.citizens.push import BrowserKeys, PushServer, decode, encode
from tests.integration.publications.conftest import ORGE, YVETTE, Room
from tests.integration.stack import certificates

pytestmark = pytest.mark.integration
SECRET = "a secret of forty letters, and not less!"
Say = Callable[[str], None]
_SILENT: Say = lambda _words: None  # noqa: E731


@dataclass(kw_only=True)
class Town:
    """A room whose citizens subscribe by push, the push service, and one browser."""

    room: Room
    server: PushServer
    lane: Lane
    citizen: httpx.Client
    connection: Connection
    keys: BrowserKeys

    def subscribe(self, path: str = "/push/jeanne", commune: str = ORGE) -> httpx.Response:
        body = self.keys.describe(f"{self.server.base}{path}")
        return self.post(body | {"commune": commune, "lang": "fr"})

    def post(self, body: dict[str, Any]) -> httpx.Response:
        return self.citizen.post("/public/push", json=body)

    def confirm(self, path: str = "/push/jeanne", commune: str = ORGE) -> None:
        assert self.subscribe(path, commune).status_code == 202
        (message,) = self.deliver()
        answer = self.citizen.post(message["path"])
        assert "C’est confirmé" in answer.text  # noqa: RUF001
        assert "set-cookie" not in answer.headers

    def deliver(self) -> list[dict[str, Any]]:
        """What the browser shows now."""
        before = len(self.server.got)
        for _turn in range(3):
            self.lane.turn()
            self.lane.finish(20)
        return [push.read(self.keys) for push in self.server.got[before:]]

    def count(self, table: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  ours
        return int(row[0]) if row else 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.issued(tmp_path_factory.mktemp("push") / "certificates")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[PushServer]:
    made = PushServer(chain=folder / "broker.crt", key=folder / "broker.key")
    made.start()
    yield made
    made.stop()


def describe(server: PushServer) -> dict[str, object]:
    """The settings: the address is written down, so it may be a private one."""
    return {
        "public_page": "public",
        "public_url": "https://alerte.example",
        "citizens_push": f"usual, localhost:{server.port}, 127.0.0.1:{server.port}",
        "citizens_key": SECRET,
        "citizens_pushes_per_minute": 60_000,
        "notify_timeout_seconds": 5,
    }


@pytest.fixture(scope="module")
def room(make_room: Callable[..., Room], server: PushServer) -> Room:
    return make_room(**describe(server))


@pytest.fixture
def town(
    room: Room, server: PushServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Town]:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.crt"))
    server.status, server.location = 201, ""
    key = AddressKey(secret=SECRET)
    with (
        httpx.Client(base_url=room.base) as citizen,
        connect(room.world.url, autocommit=True) as connection,
    ):
        if push_key.load(connection, key) is None:
            push_key.make(connection, key, author="test", replace=False)
        connection.execute("DELETE FROM subscription")
        lane = build_lane("push", connection, room.settings, _SILENT, room.clock)
        assert lane is not None
        lane._allowed = 40  # noqa: SLF001  as after a while
        room.publish((YVETTE,))  # the page reads again, and finds the key
        with closing(lane):
            _await_key(citizen)
            lane.turn()
            yield Town(
                room=room,
                server=server,
                lane=lane,
                citizen=citizen,
                connection=connection,
                keys=BrowserKeys(),
            )


def _await_key(citizen: httpx.Client) -> None:
    def page() -> str:
        return citizen.get("/public", params={"commune": ORGE}).text

    assert wait_until(lambda: "data-push" in page(), seconds=30), page()


def test_a_browser_shows_each_warning_and_its_end(town: Town) -> None:
    town.confirm()
    town.confirm(commune=YVETTE)
    published = town.room.publish((ORGE, YVETTE))
    (alert,) = town.deliver()
    assert alert["title"] == "Crue ou inondation : Crue de l'Orge"
    assert "Éloignez-vous." in alert["body"]
    assert town.citizen.get(alert["path"]).status_code == 200
    push = town.server.got[-1]
    assert (push.headers["Urgency"], push.headers["Content-Encoding"]) == ("high", "aes128gcm")
    assert push.headers["Topic"] == alert["tag"]
    assert 11 * 3600 < int(push.headers["TTL"]) <= 12 * 3600
    draft = town.room.follow_up(town.room.anne, published, "Cancel").json()["publication"]
    town.room.sign(town.room.bert, draft)
    (end,) = town.deliver()
    assert (end["tag"], end["id"]) != (alert["tag"], alert["id"])
    assert end["tag"] == alert["tag"]
    assert town.deliver() == []


def test_the_service_can_tell_who_sent_it(town: Town) -> None:
    town.subscribe()
    town.deliver()
    header = town.server.got[-1].headers["Authorization"]
    token, point = header.removeprefix("vapid t=").split(", k=")
    x, y = decode(point)[1:33], decode(point)[33:]
    public = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    claims = jwt.decode(token, public, algorithms=["ES256"]).claims
    assert claims["aud"] == town.server.base
    assert claims["sub"] == "https://alerte.example"
    page = town.citizen.get("/public", params={"commune": ORGE})
    assert f'data-push="{point}"' in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


def test_one_click_or_the_page_ends_it(town: Town) -> None:
    town.confirm()
    town.room.publish((ORGE,))
    (alert,) = town.deliver()
    assert town.citizen.post(alert["leave"]).status_code == 200
    assert town.count("subscription") == 0
    town.confirm()
    endpoint = f"{town.server.base}/push/jeanne"
    assert town.citizen.post("/public/push/end", json={"endpoint": endpoint}).status_code == 204
    assert town.count("subscription") == town.count("subscription_delivery") == 0


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_deleted(town: Town, status: int) -> None:
    town.confirm()
    town.server.status = status
    town.room.publish((ORGE,))
    town.deliver()
    assert town.count("subscription") == 0


def test_what_was_not_taken_is_tried_again_and_no_redirect_is_followed(town: Town) -> None:
    town.confirm()
    town.server.status, town.server.location = 307, f"{town.server.base}/inside"
    town.room.publish((ORGE,))
    before = len(town.server.got)
    town.lane.turn()
    town.lane.finish(20)
    assert [push.path for push in town.server.got[before:]] == ["/push/jeanne"]
    town.server.status, town.server.location = 201, ""
    town.connection.execute("UPDATE subscription_delivery SET due_at = now()")
    (alert,) = town.deliver()
    assert alert["title"] == "Crue ou inondation : Crue de l'Orge"
    row = town.connection.execute("SELECT string_agg(error, '') FROM subscription_delivery")
    assert "jeanne" not in str(row.fetchone())


def test_no_other_address_is_taken(town: Town) -> None:
    """More of them in tests/unit/citizens/test_push_hosts.py."""
    for endpoint in ("https://169.254.169.254/latest", "http://fcm.googleapis.com/1"):
        body = town.keys.describe(endpoint) | {"commune": ORGE}
        assert town.post(body).status_code == 422
    no_keys = {"endpoint": "https://fcm.googleapis.com/1", "keys": {"p256dh": "AA", "auth": "AA"}}
    assert town.post({**no_keys, "commune": ORGE}).status_code == 422
    assert town.count("subscription") == 0


def test_a_name_that_leads_inside_is_not_asked(town: Town) -> None:
    """`localhost` is allowed by name; where it leads is private all the same."""
    key = town.lane.key
    browser = town.keys.describe(f"https://localhost:{town.server.port}/inside")
    address = json.dumps([browser["endpoint"], *browser["keys"].values()])
    town.connection.execute(
        "INSERT INTO subscription (channel, digest, address, commune, language, confirmed_at)"
        " VALUES ('push', 'x', %s, %s, 'fr', now())",
        [key.encrypt(address), ORGE],
    )
    town.room.publish((ORGE,))
    assert town.deliver() == []
    row = town.connection.execute("SELECT error FROM subscription_delivery").fetchone()
    assert "which is not public" in str(row)


def test_another_key_ends_all_subscriptions_and_only_when_asked_to(town: Town) -> None:
    town.confirm()
    key = town.lane.key
    with pytest.raises(PushKeyError, match="--replace"):
        push_key.make(town.connection, key, author="test", replace=False)
    push_key.make(town.connection, key, author="test", replace=True)
    assert town.count("subscription") == 0
    row = town.connection.execute("SELECT private FROM push_key").fetchone()
    assert row is not None
    assert b"PRIVATE KEY" not in row[0]
    (finding,) = diagnosis.check(town.connection, town.room.settings, town.room.clock())
    assert (finding.subject, finding.state) == ("push to citizens", "good")


def test_an_exercise_takes_no_browser(
    town: Town, make_room: Callable[..., Room], server: PushServer
) -> None:
    exercise = make_room(mode="exercise", **describe(server))
    with connect(exercise.world.url, autocommit=True) as connection:
        push_key.make(connection, town.lane.key, author="test", replace=False)
        assert build_lane("push", connection, exercise.settings, _SILENT, exercise.clock) is None
    body = town.keys.describe(f"{server.base}/push/jeanne") | {"commune": ORGE}
    assert httpx.post(f"{exercise.base}/public/push", json=body).status_code == 404
