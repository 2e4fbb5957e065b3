"""Channels of apprise (mail, SMS gateways, chats), with our key and bounded waits."""

import logging
import re
import threading
import warnings
from typing import Any

import apprise

from hypervisor.notifications.model import ChannelError, Message

KEY = "Idempotency-Key"
_ASSET = apprise.AppriseAsset(
    app_id="Hypervisor", app_desc="Territorial hypervisor", app_url="", async_mode=False
)
_ADDRESS = re.compile(r"with url: \S+")  # in exceptions: may contain a token
_LOG = logging.getLogger("apprise")


class _LogCapture(logging.Handler):
    """Captures per thread what apprise logs: it reports errors nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.captured: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        messages = self.captured.get(threading.get_ident())
        text = record.getMessage()
        if messages is not None and (record.levelno >= logging.WARNING or "Exception: " in text):
            messages.append(_ADDRESS.sub("with url: …", text.strip()))


_CAPTURE = _LogCapture()


def load_plugins() -> None:
    """Load apprise and capture its log, which may contain passwords, away from ours."""
    if _CAPTURE in _LOG.handlers:
        return
    _LOG.addHandler(_CAPTURE)
    _LOG.setLevel(logging.DEBUG)
    _LOG.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from imports of plugins
        _manager().load_modules()


def list_schemes() -> frozenset[str]:
    """The URL schemes that apprise supports."""
    load_plugins()
    return frozenset(_manager().schemas())


def _manager() -> Any:
    manager: Any = apprise.NotificationManager
    return manager()


def is_complete(target: str) -> bool:
    load_plugins()
    return _plugin(target) is not None


def mask(target: str) -> str:
    """The address without secrets and default parameters."""
    load_plugins()
    plugin = _plugin(target.replace("${", "").replace("}", ""))
    if plugin is None:
        return target.partition("://")[0] + "://…"
    return str(plugin.url(privacy=True)).partition("?")[0]


def send(target: str, message: Message, *, key: str, seconds: float) -> None:
    """Send a message; each network wait is bounded.

    Raises ChannelError: it was not delivered, or this is unknown.
    """
    load_plugins()
    plugin = _plugin(target)
    if plugin is None:
        raise ChannelError("the address is incomplete")
    plugin.socket_connect_timeout = plugin.socket_read_timeout = seconds
    if isinstance(getattr(plugin, "headers", None), dict):
        plugin.headers.setdefault(KEY, key)
    messages = _CAPTURE.captured[threading.get_ident()] = []
    try:
        done = plugin.notify(body=message.text, title=message.title, notify_type=message.kind)
    except Exception as error:  # from any plugin
        raise ChannelError("{name}: {error}", type(error).__name__, error) from error
    finally:
        _CAPTURE.captured.pop(threading.get_ident(), None)
    if not done:
        raise ChannelError("; ".join(dict.fromkeys(messages)) or "it was refused")


def _plugin(target: str) -> Any:
    return apprise.Apprise.instantiate(target, asset=_ASSET)
