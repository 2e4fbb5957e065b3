"""How a citizen is reached: by mail, or by their browser's push service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import quote

from hypervisor.base.reader import Reader
from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.citizens import push_hosts, push_key
from hypervisor.citizens.push_service import Browser, PushRequest, PushService
from hypervisor.citizens.queries_subscriptions import ChannelName, Delivery
from hypervisor.citizens.subscriptions import allows_push, is_offered
from hypervisor.citizens.writer import Writer
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.notifications import apprise_channel
from hypervisor.notifications.sending import fill_placeholders, read_secrets
from hypervisor.publications.model import PublishedMessage

_UNCONFIRMED_LIFE = 3_600  # s that a request to confirm waits for its browser
LOCKS: Mapping[ChannelName, Lock] = {"mail": Lock.CITIZENS_MAIL, "push": Lock.CITIZENS_PUSH}


class Channel(Protocol):
    """A way to citizens. `per_minute`: its pace; `senders`: how many it sends at once."""

    name: ClassVar[ChannelName]
    senders: ClassVar[int]
    per_minute: int

    def send(
        self,
        recipient: str,
        delivery: Delivery,
        message: PublishedMessage | None,
        reader: Reader,
    ) -> None:
        """Send a message; None: the request to confirm.

        Raises ChannelError: it was not taken, or this is unknown; GoneError: no such address.
        """


@dataclass(kw_only=True)
class MailChannel:
    """`target`: apprise's address of the mail server, without a recipient."""

    name: ClassVar[ChannelName] = "mail"
    senders: ClassVar[int] = 4
    per_minute: int
    target: str
    writer: Writer
    timeout: float

    def send(
        self,
        recipient: str,
        delivery: Delivery,
        message: PublishedMessage | None,
        reader: Reader,
    ) -> None:
        """See Channel."""
        key = f"citizen-{delivery.message}-{delivery.subscription}"
        if message is None:
            key = f"{key}-{delivery.id}"
            mail = self.writer.write_confirmation(delivery, reader)
        else:
            mail = self.writer.write_warning(delivery, message, reader)
        target = self._address(delivery, recipient)
        apprise_channel.send(target, mail, key=key, seconds=self.timeout)

    def _address(self, delivery: Delivery, recipient: str) -> str:
        """Apprise's address of a mail, with the headers of a one-click end (RFC 8058)."""
        options = {"to": recipient, "format": "text"}
        if delivery.message:
            options["+List-Unsubscribe"] = f"<{self.writer.write_leave_address(delivery)}>"
            options["+List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        joined = "&".join(f"{name}={quote(text, safe='')}" for name, text in options.items())
        return f"{self.target}{'&' if '?' in self.target else '?'}{joined}"


@dataclass(kw_only=True)
class PushChannel:
    """Web push."""

    name: ClassVar[ChannelName] = "push"
    senders: ClassVar[int] = 8
    per_minute: int
    service: PushService
    writer: Writer

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
            target=fill_placeholders(settings.citizens_mail, secrets),
            writer=writer,
            timeout=settings.notify_timeout_seconds,
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
            timeout=settings.notify_timeout_seconds,
        ),
        writer=writer,
    )
