"""Channels of apprise (mail, SMS gateways, chats), with our key and bounded waits."""

import logging
import re
import threading
import warnings
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import apprise

from hypervisor.base.translation import mark
from hypervisor.notifications.kinds import TARGET, ChannelKind, Fields, Posting
from hypervisor.notifications.model import ChannelError
from hypervisor.notifications.posting import KEY
from hypervisor.notifications.routes import APPRISE
from sensors._errors import Message as Sentence
from sensors._nearest import nearest_hint

_ASSET = apprise.AppriseAsset(
    app_id="Hypervisor", app_desc="Territorial hypervisor", app_url="", async_mode=False
)
_ADDRESS = re.compile(r"with url: \S+")  # in exceptions: may contain a token
_RECIPIENTS = ("to", "cc", "bcc")
_BETWEEN = re.compile(r"[,;/]")
_NAMED = re.compile(r"[^<>@]*<([^<>]*)>")  # Duty engineer <duty@town.example>
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


Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server and its sender, as an address of apprise names them."""

    host: str
    port: int
    security: Security
    sender: str
    name: str = ""
    user: str = ""
    password: str = ""
    verified: bool = True  # its certificate is checked


def read_mail_server(target: str) -> MailServer:
    """The server of a `mailto` or `mailtos` address; its recipients are not looked at.

    Raises ChannelError: it is no such address.
    """
    load_plugins()
    plugin = _plugin(target)
    if plugin is None or not hasattr(plugin, "smtp_host"):
        raise ChannelError("expected mailto://… or mailtos://…: {address}", mask(target))
    modes: dict[str, Security] = {"ssl": "tls", "starttls": "starttls"}
    name, sender = plugin.from_addr
    return MailServer(
        host=plugin.smtp_host,
        port=int(plugin.port),
        security=modes.get(str(plugin.secure_mode), "none") if plugin.secure else "none",
        sender=sender,
        name=name or "",
        user=plugin.user or "",
        password=plugin.password or "",
        verified=bool(plugin.verify_certificate),
    )


def find_misread(target: str) -> str | None:
    """A recipient of a mail that apprise reads otherwise than it was written; None: there is none.

    It takes `z0'duty@town.example` for duty@town.example, called z0.
    """
    load_plugins()
    plugin = _plugin(target)
    if plugin is None or not hasattr(plugin, "smtp_host"):
        return None
    where = urlsplit(target)
    texts = [unquote(where.path.strip("/")), plugin.from_addr[1]]
    texts += [text for name, text in parse_qsl(where.query) if name.lower() in _RECIPIENTS]
    written = {
        (_NAMED.fullmatch(part.strip()) or [part.strip()] * 2)[1].casefold()
        for text in texts
        for part in _BETWEEN.split(text)
    }
    read = [each[1] for each in plugin.targets] + sorted({*plugin.cc, *plugin.bcc})
    return next((each for each in read if each.casefold() not in written), None)


def send(fields: Fields, posting: Posting) -> None:
    """Send a message; each network wait is bounded."""
    message, seconds = posting.message, posting.seconds
    load_plugins()
    plugin = _plugin(fields[TARGET])
    if plugin is None:
        raise ChannelError("the address is incomplete")
    plugin.socket_connect_timeout = plugin.socket_read_timeout = seconds
    if isinstance(getattr(plugin, "headers", None), dict):
        plugin.headers.setdefault(KEY, posting.key)
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


def find_problem(fields: Fields) -> Sentence | None:
    """What is wrong with an address; a misspelt scheme is the usual error."""
    target = fields[TARGET]
    scheme, separator, _ = target.partition("://")
    if not separator and "@" in target:
        expected = "mailtos://USER:${SMTP_PASSWORD}@smtp.town.example?to="
        return Sentence(
            "{target!r} needs the server that sends the mail: {expected}{address}",
            *(target, expected, target),
        )
    schemes = list_schemes()
    if "${" not in scheme and scheme.lower() not in schemes:
        hint = nearest_hint(scheme, schemes) or "; expected one such as mailto://"
        return Sentence("{scheme!r} is not a kind of channel{hint}", scheme, hint)
    if "${" not in target and not is_complete(target):
        return Sentence(
            "not a complete address of the kind {scheme}://; apprise's manual says how", scheme
        )
    misread = None if "${" in scheme else find_misread(target)
    if misread is not None:
        return Sentence(
            "apprise would send to {misread!r}, which is not written so: expected addresses"
            " such as duty@town.example, separated by commas",
            misread,
        )
    return None


KINDS = (
    ChannelKind(
        name=APPRISE, label=mark("mail, SMS, chat (apprise)"), send=send, find_problem=find_problem
    ),
)
