"""One POST to a server on loopback: what it is sent, and what of its answer is a refusal."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from hypervisor.notifications import channel_webhook
from hypervisor.notifications.channel_webhook import CLOUDEVENTS, CLOUDEVENTS_BINARY, WEBHOOK
from hypervisor.notifications.model import ChannelError, Message
from tests.ports import reserve_port
from tests.postings import posting

MESSAGE = Message(
    title="Crue à Épinay", text="two\nlines", kind="info", data={"title": "x", "n": 1}
)
ALARM = Message(
    title="EXERCICE - ALARME MAJEURE",
    text="two\nlines",
    kind="warning",
    data={
        "key": "flood-high:orge:2024-10-09T11:40:00Z:raised:1/duty/bus",
        "event": "raised",
        "at": "2024-10-09T12:00:00Z",
        "instance": "Cœur d'Essonne 100 %",
        "exercise": True,
        "severity": "major",
        "alarm": {"id": 12, "subject": "device/göre a"},
    },
)


class Hook:
    """Answers with a status and words; keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.reason, self.words = 204, "", b""
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mine.got.append((self.path, dict(self.headers), body))
                self.send_response(mine.status, mine.reason or None)
                self.send_header("Content-Length", str(len(mine.words)))
                self.end_headers()
                self.wfile.write(mine.words)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def send(
        self, rest: str, base: str = "", *, message: Message = MESSAGE, envelope: str = WEBHOOK
    ) -> None:
        channel_webhook.send(
            {"target": f"{base or self.base}{rest}"}, posting(message), envelope=envelope
        )


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_what_is_sent_where(hook: Hook) -> None:
    hook.send("/a/b?token=c")
    hook.send("", hook.base.replace("http://", "HTTP://us%40town:a%2Fb@"))
    (first, headers, body), (second, others, _) = hook.got
    assert (first, second) == ("/a/b?token=c", "/")
    assert body.decode() == '{"title": "Crue à Épinay", "n": 1, "text": "two\\nlines"}'
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert (headers["User-Agent"], headers["Idempotency-Key"]) == ("territory-hypervisor", "k")
    assert "Authorization" not in headers
    assert others["Authorization"] == "Basic dXNAdG93bjphL2I="


@pytest.mark.parametrize("status", [200, 299])
def test_what_is_taken(hook: Hook, status: int) -> None:
    hook.status = status
    hook.send("/")


@pytest.mark.parametrize(
    ("status", "reason", "words", "told"),
    [
        (300, "Elsewhere", b"", "answered 300 Elsewhere"),
        (500, "Broken", b"no \xff disk\n", "answered 500 Broken: no \ufffd disk"),
        (404, "Gone", b"a" * 201, f"answered 404 Gone: {'a' * 200}"),
    ],
)
def test_what_is_refused(hook: Hook, status: int, reason: str, words: bytes, told: str) -> None:
    hook.status, hook.reason, hook.words = status, reason, words
    with pytest.raises(ChannelError) as caught:
        hook.send("/")
    assert str(caught.value) == told


@pytest.mark.parametrize("address", ["ftp://town.example/x", "http:///x", "town.example/x", ""])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ChannelError, match=r"not a webhook address; expected http:// or https://"):
        channel_webhook.send({"target": address}, posting(MESSAGE, seconds=1))


def test_what_cannot_be_reached() -> None:
    for scheme in ("http", "https"):
        with pytest.raises(ChannelError, match="ConnectionRefusedError: "):
            channel_webhook.send(
                {"target": f"{scheme}://127.0.0.1:{reserve_port()}/"}, posting(MESSAGE, seconds=9)
            )
    with pytest.raises(ChannelError, match="ValueError: Port"):
        channel_webhook.send({"target": "http://127.0.0.1:99999/"}, posting(MESSAGE, seconds=1))


def test_a_user_without_a_password() -> None:
    assert channel_webhook.build_headers("k", "town", None)["Authorization"] == "Basic dG93bjo="
    assert "Authorization" not in channel_webhook.build_headers("k", "", "word")


@pytest.mark.parametrize("envelope", [CLOUDEVENTS, CLOUDEVENTS_BINARY])
def test_another_program_reads_it_as_a_cloud_event(hook: Hook, envelope: str) -> None:
    hook.send("/", message=ALARM, envelope=envelope)
    _, headers, body = hook.got[0]
    structured = envelope == CLOUDEVENTS
    assert headers["Content-Type"].startswith("application/cloudevents+json") is structured
    event = from_http_event(HTTPMessage(headers=headers, body=body))
    assert event.get_id() == ALARM.data["key"]
    assert event.get_type() == "territory-hypervisor.exercise.alarm.raised"
    assert event.get_source() == (
        "/territory-hypervisor/exercise/C%C5%93ur%20d%27Essonne%20100%20%25"
    )
    assert event.get_subject() == "device/göre a"
    assert str(event.get_time()) == "2024-10-09 12:00:00+00:00"
    assert event.get_extension("severity") == "major"
    assert event.get_extension("exercise") in {True, "true"}  # in a header it is text
    assert event.get_data() == {**ALARM.data, "title": ALARM.title, "text": ALARM.text}
    assert headers["Idempotency-Key"] == "k"


def test_a_live_event_is_of_another_type_and_source(hook: Hook) -> None:
    data = {**ALARM.data, "event": "set aside", "exercise": False}
    del data["alarm"]
    hook.send("/", message=replace(ALARM, data=data), envelope=CLOUDEVENTS_BINARY)
    event = from_http_event(HTTPMessage(headers=hook.got[0][1], body=hook.got[0][2]))
    assert event.get_type() == "territory-hypervisor.system.set-aside"
    assert event.get_source() == "/territory-hypervisor/C%C5%93ur%20d%27Essonne%20100%20%25"
    assert event.get_subject() is None
