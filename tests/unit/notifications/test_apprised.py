"""Channels that apprise knows: what goes wrong is told without what is secret."""

import logging
from collections.abc import Iterator

import pytest

from hypervisor.notifications import channel_apprise
from hypervisor.notifications.model import ChannelError, Message
from tests.ports import reserve_port
from tests.postings import posting

MESSAGE = Message(title="t", text="x", kind="info", data={})


def test_an_address_is_complete_or_not() -> None:
    assert channel_apprise.is_complete("mailto://u:p@mail.example")
    assert not channel_apprise.is_complete("mailto://")
    assert {"mailto", "json", "tgram"} <= channel_apprise.list_schemes()


def test_an_address_without_its_secrets() -> None:
    assert (
        channel_apprise.mask("json://u:secret@x.example/a?method=PUT")
        == "json://u:****@x.example/a"
    )
    assert channel_apprise.mask("mailto://${NAME}") == "mailto://…"


class Ours(logging.Handler):
    """What reaches our own log of apprise."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "apprise":
            self.heard.append(record.getMessage())


@pytest.fixture
def ours() -> Iterator[Ours]:
    handler = Ours()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_what_goes_wrong_is_told_and_stays_out_of_our_log(ours: Ours) -> None:
    with pytest.raises(ChannelError, match="the address is incomplete"):
        channel_apprise.send({"target": "mailto://"}, posting(MESSAGE, seconds=1))
    port = reserve_port()
    with pytest.raises(ChannelError) as caught:
        channel_apprise.send(
            {"target": f"json://u:secret@127.0.0.1:{port}/a"}, posting(MESSAGE, seconds=5)
        )
    told = str(caught.value)
    assert "refused" in told
    assert "secret" not in told
    assert len({*told.split("; ")}) == len(told.split("; ")), "each of it once"
    assert "Exception: " in told, "of what it says to its log alone"
    assert ours.heard == []


def test_an_exception_of_a_plugin_is_a_failed_try(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def notify(self, **_: object) -> bool:
            raise ZeroDivisionError("of a library")

    class Silent:
        headers: dict[str, str] | None = None

        def notify(self, **given: object) -> bool:
            return given == {"body": "x", "title": "t", "notify_type": "info"}

    plugin: object = Broken()
    monkeypatch.setattr("apprise.Apprise.instantiate", lambda *_, **__: plugin)
    with pytest.raises(ChannelError, match="ZeroDivisionError: of a library"):
        channel_apprise.send({"target": "json://x"}, posting(MESSAGE, seconds=1))
    plugin = Silent()
    channel_apprise.send({"target": "json://x"}, posting(MESSAGE, seconds=3))
    assert vars(plugin) == {"socket_connect_timeout": 3, "socket_read_timeout": 3}
    with pytest.raises(ChannelError, match="it was refused"):
        channel_apprise.send(
            {"target": "json://x"},
            posting(Message(title="t", text="y", kind="info", data={}), seconds=3),
        )
