"""Channels that apprise knows: mail, SMS gateways, chats; with our key, in bounded time."""

import logging
import re
import threading
import warnings
from typing import Any

import apprise

from hypervisor.notifications.errors import ChannelError
from hypervisor.notifications.message import Message

KEY = "Idempotency-Key"
_ASSET = apprise.AppriseAsset(
    app_id="Hypervisor", app_desc="Territorial hypervisor", app_url="", async_mode=False
)
_ADDRESS = re.compile(r"with url: \S+")  # of an exception: it may hold a token
_LOG = logging.getLogger("apprise")


class _Ear(logging.Handler):
    """What apprise says went wrong goes only to its log: kept here for each thread."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        messages = self.heard.get(threading.get_ident())
        text = record.getMessage()
        if messages is not None and (record.levelno >= logging.WARNING or "Exception: " in text):
            messages.append(_ADDRESS.sub("with url: …", text.strip()))


_EAR = _Ear()


def listen() -> None:
    """Load apprise; hear its log, and keep it out of ours: it may tell addresses with passwords."""
    if _EAR in _LOG.handlers:
        return
    _LOG.addHandler(_EAR)
    _LOG.setLevel(logging.DEBUG)
    _LOG.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what its plugins import
        _manager().load_modules()


def schemes() -> frozenset[str]:
    """The kinds of addresses that there are."""
    listen()
    return frozenset(_manager().schemas())


def _manager() -> Any:
    manager: Any = apprise.NotificationManager
    return manager()


def is_complete(target: str) -> bool:
    listen()
    return _plugin(target) is not None


def masked(target: str) -> str:
    """The address without its secrets, nor what is usual."""
    listen()
    plugin = _plugin(target.replace("${", "").replace("}", ""))
    if plugin is None:
        return target.partition("://")[0] + "://…"
    return str(plugin.url(privacy=True)).partition("?")[0]


def send(target: str, message: Message, *, key: str, seconds: float) -> None:
    """Hand one message over; each wait for the other side is bounded.

    Raises:
        ChannelError: it was not taken, or we do not know.
    """
    listen()
    plugin = _plugin(target)
    if plugin is None:
        raise ChannelError("the address is not complete")
    plugin.socket_connect_timeout = plugin.socket_read_timeout = seconds
    if isinstance(getattr(plugin, "headers", None), dict):
        plugin.headers.setdefault(KEY, key)
    messages = _EAR.heard[threading.get_ident()] = []
    try:
        done = plugin.notify(body=message.text, title=message.title, notify_type=message.kind)
    except Exception as error:  # of any of its hundred plugins
        raise ChannelError(f"{type(error).__name__}: {error}") from error
    finally:
        _EAR.heard.pop(threading.get_ident(), None)
    if not done:
        raise ChannelError("; ".join(dict.fromkeys(messages)) or "it was refused")


def _plugin(target: str) -> Any:
    return apprise.Apprise.instantiate(target, asset=_ASSET)
