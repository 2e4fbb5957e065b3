"""Blanks filled in, secrets kept out of sight, topics."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hypervisor.notifications.channel_mqtt import build_topic, send
from hypervisor.notifications.channel_webhook import build_headers
from hypervisor.notifications.kinds import Broker
from hypervisor.notifications.model import ChannelError, Message
from hypervisor.notifications.routing import mask_addresses
from hypervisor.notifications.sending import fill_placeholders, read_secrets
from tests.postings import posting


def test_a_blank_is_quoted_within_an_address_and_not_where_it_is_the_whole() -> None:
    secrets = {"WORD": "a/b@c", "WHOLE": "mailto://u:p@x"}
    assert fill_placeholders("mailto://u:${WORD}@x", secrets) == "mailto://u:a%2Fb%40c@x"
    assert fill_placeholders("${WHOLE}", secrets) == "mailto://u:p@x"
    with pytest.raises(ChannelError, match=r"\$\{OTHER\} is set neither"):
        fill_placeholders("mailto://u:${OTHER}@x", secrets)


def test_secrets_come_from_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "hypervisor.env"
    file.write_text('# a remark = none\nONE="of the file"\nTWO=of the file\n')
    monkeypatch.setenv("TWO", "of the environment")
    found = read_secrets(file)
    assert (found["ONE"], found["TWO"]) == ("of the file", "of the environment")
    assert "ONE" not in read_secrets(tmp_path / "none.env")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('- "mailto://me:secret@mail.example"', '- "mailto://me:****@mail.example/"'),
        ("- mailtos://me:${WORD}@mail.example", "- mailtos://me:****@mail.example/"),
        ("[tgram://123456789:abcdefg_hijklmnop/42]", "[tgram://1...p/42/]"),
        ("{webhook: https://u:p@x.example/T0/secret?token=a}", "{webhook: https://x.example/…}"),
        ("every: 5 min", "every: 5 min"),
    ],
)
def test_a_file_is_shown_without_passwords(written: str, shown: str) -> None:
    assert mask_addresses(written) == shown


def test_topics_are_by_domain_and_severity() -> None:
    alarm = {"event": "raised", "severity": "major", "alarm": {"domain": "flood"}}
    message = Message(title="", text="", kind="info", data=alarm)
    assert build_topic("/hypervisor/alarms/", message) == "hypervisor/alarms/flood/major"
    tried = Message(title="", text="", kind="info", data={"event": "test"})
    assert build_topic("hypervisor/alarms", tried) == "hypervisor/alarms/test"


def test_a_webhook_says_the_key_and_who_we_are() -> None:
    found = build_headers("12:raised:1", "town", "a%20b")
    assert found["Idempotency-Key"] == "12:raised:1"
    assert found["Authorization"] == "Basic dG93bjphIGI="
    assert "Authorization" not in build_headers("k", None, None)


TRIED = Message(title="t", text="b", kind="info", data={"event": "test"})


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


ALARMS = {"target": "hypervisor/alarms"}


def at(server: socket.socket) -> Broker:
    return Broker(host="127.0.0.1", port=server.getsockname()[1], user="u", password="p")


def test_a_broker_that_says_nothing_is_given_up_after_its_time(silent: socket.socket) -> None:
    with pytest.raises(ChannelError) as refused:
        send(ALARMS, posting(TRIED, seconds=0.2, broker=at(silent)))
    assert str(refused.value) == "the broker did not answer within 0.2 s"


def test_where_no_broker_listens_that_is_said_with_its_address(silent: socket.socket) -> None:
    broker = at(silent)
    silent.close()
    with pytest.raises(ChannelError) as refused:
        send(ALARMS, posting(TRIED, seconds=5, broker=broker))
    assert str(refused.value).startswith(f"no broker at 127.0.0.1:{broker.port}: ")
    assert str(refused.value).endswith("Connection refused")


def test_a_notification_that_waits_for_others_too_long_says_so(silent: socket.socket) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, ALARMS, posting(TRIED, seconds=2, broker=at(silent)))
        connected, _ = silent.accept()  # the first has its turn
        with connected, pytest.raises(ChannelError) as late:
            send(ALARMS, posting(TRIED, seconds=0.01, broker=at(silent)))
        with pytest.raises(ChannelError):
            first.result()
    assert str(late.value) == "other notifications to the broker took over 0.01 s"
