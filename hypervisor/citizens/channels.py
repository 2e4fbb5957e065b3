"""How a citizen is reached: by mail, or by their browser's push service."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from hypervisor.base.reader import Reader
from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.citizens import push_hosts, push_key
from hypervisor.citizens.mail_service import MailService
from hypervisor.citizens.push_service import Browser, PushRequest, PushService
from hypervisor.citizens.queries_subscriptions import ChannelName, Delivery
from hypervisor.citizens.subscriptions import allows_push, is_offered
from hypervisor.citizens.timed_sockets import make_trust
from hypervisor.citizens.writer import Writer
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.notifications.channel_apprise import read_mail_server
from hypervisor.notifications.sending import fill_placeholders, read_secrets
from hypervisor.publications.model import PublishedMessage

_LONGEST_DELIVERY = 10.0  # s: thousands wait for it
_UNCONFIRMED_LIFE = 3_600  # s that a request to confirm waits for its browser
LOCKS: Mapping[ChannelName, Lock] = {"mail": Lock.CITIZENS_MAIL, "push": Lock.CITIZENS_PUSH}


class Channel(Protocol):
    """A way to citizens. `per_minute`: its pace; `senders`: how many it sends at once.

    So many only where servers are slow: those that wait for a bad one must leave some to the
    others. `wide`: of them to one destination; `timeout`: s of a whole delivery.
    """

    name: ClassVar[ChannelName]
    senders: ClassVar[int]
    wide: ClassVar[int]
    per_minute: int

    @property
    def timeout(self) -> float: ...

    def find_destination(self, recipient: str) -> str:
        """The server that takes what goes to a recipient. Raises any error: it cannot be read."""

    def send(
        self,
        recipient: str,
        delivery: Delivery,
        message: PublishedMessage | None,
        reader: Reader,
    ) -> None:
        """Send a message; None: the request to confirm.

        Raises ChannelError: it was not taken; NoAnswerError: the server is not there, or silent;
        GoneError: no such address. Whatever else it raises is a failure of this delivery, too.
        """

    def hide(self, recipient: str, error: str) -> str:
        """The error without what only the recipient may know."""


@dataclass(kw_only=True)
class MailChannel:
    """By SMTP to one server."""

    name: ClassVar[ChannelName] = "mail"
    senders: ClassVar[int] = 32
    wide: ClassVar[int] = 32
    per_minute: int
    service: MailService
    writer: Writer

    @property
    def timeout(self) -> float:
        return self.service.timeout

    def find_destination(self, recipient: str) -> str:
        """See Channel: the one mail server."""
        assert recipient  # noqa: S101  the same for all
        return f"{self.service.server.host}:{self.service.server.port}"

    def hide(self, recipient: str, error: str) -> str:
        """See Channel."""
        return re.sub(re.escape(recipient), "…", error, flags=re.IGNORECASE)

    def send(
        self,
        recipient: str,
        delivery: Delivery,
        message: PublishedMessage | None,
        reader: Reader,
    ) -> None:
        """See Channel."""
        key = f"citizen-{delivery.message}-{delivery.subscription}"
        headers = {}
        if message is None:
            key = f"{key}-{delivery.id}"
            mail = self.writer.write_confirmation(delivery, reader)
        else:
            mail = self.writer.write_warning(delivery, message, reader)
            headers = {  # a one-click end (RFC 8058)
                "List-Unsubscribe": f"<{self.writer.write_leave_address(delivery)}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        self.service.send(recipient, mail, key=key, at=reader.now, headers=headers)


@dataclass(kw_only=True)
class PushChannel:
    """Web push."""

    name: ClassVar[ChannelName] = "push"
    senders: ClassVar[int] = 256
    wide: ClassVar[int] = 224
    per_minute: int
    service: PushService
    writer: Writer

    @property
    def timeout(self) -> float:
        return self.service.timeout

    def find_destination(self, recipient: str) -> str:
        """See Channel: host and port of the browser's push service."""
        return push_hosts.name_destination(
            self.service.hosts.require(Browser.read(recipient).endpoint)
        )

    def hide(self, recipient: str, error: str) -> str:
        """See Channel: the path names the browser."""
        parts = urlsplit(Browser.read(recipient).endpoint)
        secrets = (parts.path, parts.path.strip("/"), parts.query)
        for secret in (each for each in secrets if len(each) > 1):
            error = error.replace(secret, "…")
        return error

    def send(
        self,
        recipient: str,
        delivery: Delivery,
        message: PublishedMessage | None,
        reader: Reader,
    ) -> None:
        """See Channel."""
        if message is None:
            text = self.writer.write_push_confirmation(delivery, reader)
            topic, life = f"confirm-{delivery.subscription}", _UNCONFIRMED_LIFE
        else:
            text = self.writer.write_push_warning(delivery, message, reader)
            topic = f"publication-{message.publication}"
            life = int((message.expires - reader.now).total_seconds())
        request = PushRequest(message=text, topic=topic[:32], life=max(life, _UNCONFIRMED_LIFE))
        self.service.send(Browser.read(recipient), request)


def open_channel(
    name: ChannelName, connection: Connection, settings: Settings, writer: Writer
) -> Channel | None:
    """The channel as the settings have it; None: nothing is sent by it."""
    mode = instance_store.require(connection).mode
    if name == "mail":
        if not is_offered(settings, mode):
            return None
        secrets = read_secrets(settings.data / SETTINGS_FILE)
        return MailChannel(
            per_minute=settings.citizens_mails_per_minute,
            service=MailService(
                server=(
                    server := read_mail_server(fill_placeholders(settings.citizens_mail, secrets))
                ),
                timeout=min(settings.notify_timeout_seconds, _LONGEST_DELIVERY),
                trust=make_trust(verify=server.verified),
            ),
            writer=writer,
        )
    key = push_key.load(connection, writer.key) if allows_push(settings, mode) else None
    if key is None:
        return None
    return PushChannel(
        per_minute=settings.citizens_pushes_per_minute,
        service=PushService(
            key=key,
            hosts=push_hosts.parse(settings.citizens_push),
            contact=settings.public_url,
            timeout=min(settings.notify_timeout_seconds, _LONGEST_DELIVERY),
        ),
        writer=writer,
    )
