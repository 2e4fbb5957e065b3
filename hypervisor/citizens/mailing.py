"""`hypervisor mailing`: mails to citizens, at their own pace, apart from operators' notifications.

At least once, each under its key: a sender that dies leaves its mails to the next one.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from urllib.parse import quote
from zoneinfo import ZoneInfo

from cryptography.fernet import InvalidToken

from hypervisor.base.instance import Mode
from hypervisor.base.reader import Reader
from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.mails import MailWriter
from hypervisor.citizens.queries_subscriptions import DueMail
from hypervisor.citizens.subscriptions import is_offered
from hypervisor.database import events
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import (
    Connection,
    keep_connected,
    listen,
    wait_for_notification,
)
from hypervisor.notifications import apprise_channel
from hypervisor.notifications.model import ChannelError, Message
from hypervisor.notifications.sending import fill_placeholders, read_secrets
from hypervisor.publications import queries_messages
from hypervisor.publications.model import MessageKind, PublishedMessage
from hypervisor.publications.service import load_publisher

_SENDERS = 4  # connections to the mail server at once
_BATCH = 40
_TRIES = 8
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 3_600.0  # s between two tries of a mail
_REST = 300.0  # s, the longest without a try while the mail server takes nothing
_IDLE = 2.0  # s
_CLEAN = 60.0  # s between two deletions of what is too old

Say = Callable[[str], None]


def run(
    settings: Settings, *, stopping: Callable[[], bool], say: Say, clock: Callable[[], datetime]
) -> None:
    """Send until stopped; an exercise, or an instance without mail, sends nothing."""

    def work(connection: Connection) -> None:
        instance = instance_store.require(connection)
        if not is_offered(settings, instance.mode):
            say(_explain(instance.mode))
            while not stopping():
                wait_for_notification(connection, _IDLE)
            return
        mailer = build_mailer(connection, settings, say, clock)
        listen(connection, events.CHANNEL)
        try:
            while not stopping():
                wait_for_notification(connection, mailer.turn())
        finally:
            mailer.close()

    keep_connected(settings.database_url, work, stopping=stopping, say=say)


def _explain(mode: Mode) -> str:
    if mode is Mode.EXERCISE:
        return "an exercise mails nothing to citizens"
    return (
        "no mails to citizens: this takes HYPERVISOR_PUBLIC_PAGE=public, _PUBLIC_URL,"
        " _CITIZENS_MAIL and _CITIZENS_KEY (32 characters or more)"
    )


def build_mailer(
    connection: Connection, settings: Settings, say: Say, clock: Callable[[], datetime]
) -> "Mailer":
    """A mailer on its own connection."""
    instance = instance_store.require(connection)
    publisher = load_publisher(settings, instance)
    return Mailer(
        connection=connection,
        target=fill_placeholders(
            settings.citizens_mail, read_secrets(settings.data / SETTINGS_FILE)
        ),
        writer=MailWriter(
            key=AddressKey(secret=settings.citizens_key),
            publisher=publisher.name,
            address=publisher.address,
            zone=ZoneInfo(instance.timezone),
        ),
        per_minute=settings.citizens_mails_per_minute,
        timeout=settings.notify_timeout_seconds,
        say=say,
        clock=clock,
    )


@dataclass(kw_only=True)
class Mailer:
    """Sends what is due. `target`: apprise's address of the mail server, without a recipient."""

    connection: Connection
    target: str
    writer: MailWriter
    per_minute: int
    timeout: float
    say: Say
    clock: Callable[[], datetime]
    _senders: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_SENDERS))
    _allowed: float = 1.0  # mails that the pace lets go now
    _counted: float = field(default_factory=monotonic)
    _cleaned: float = float("-inf")
    _failures: int = 0  # batches of which the mail server took nothing

    def close(self) -> None:
        self._senders.shutdown()

    def turn(self) -> float:
        """Send what the pace allows; in how many seconds to look again."""
        if monotonic() - self._cleaned > _CLEAN:
            queries.delete_old(self.connection)
            self._cleaned = monotonic()
        made = queries.fan_out(self.connection, self.clock())
        if made:
            self.say(f"{made} mails to citizens")
        due = queries.claim(self.connection, self._take_allowance())
        if not due:
            return _IDLE if self._allowed >= 1 else 60 / self.per_minute
        outcomes = list(self._senders.map(self._send, due, self._prepare(due)))
        for mail, error in zip(due, outcomes, strict=True):
            self._record(mail, error)
        if any(error is None for error in outcomes):
            self._failures = 0
            return 60 / self.per_minute
        self._failures += 1
        rest = min(_REST, _FIRST_WAIT * self._failures)
        self.say(f"the mail server took none of {len(due)} mails ({outcomes[0]}): {rest:g} s")
        return rest

    def _take_allowance(self) -> int:
        """How many mails the pace lets go, at most a batch."""
        now = monotonic()
        gained = (now - self._counted) * self.per_minute / 60
        self._allowed = min(float(_BATCH), self._allowed + gained)
        self._counted = now
        return int(self._allowed)

    def _prepare(self, due: list[DueMail]) -> list[Message | None]:
        """What each says; None: it no longer holds."""
        self._allowed -= len(due)
        messages = {
            number: self._find_message(number)
            for number in {mail.message for mail in due if mail.message}
        }
        return [self._write(mail, messages.get(mail.message)) for mail in due]

    def _find_message(self, number: int) -> PublishedMessage | None:
        """A real message by its number: nothing else goes to citizens."""
        messages = queries_messages.list_sent(self.connection, number - 1, limit=1)
        return messages[0] if messages and messages[0].id == number else None

    def _write(self, mail: DueMail, message: PublishedMessage | None) -> Message | None:
        reader = Reader(language=mail.language, zone=self.writer.zone, now=self.clock())
        if mail.message == 0:
            return self.writer.write_confirmation(mail, reader)
        if message is None or message.status != "Actual":
            return None
        if message.kind is not MessageKind.CANCEL and message.expires <= self.clock():
            return None
        return self.writer.write_warning(mail, message, reader)

    def _send(self, mail: DueMail, message: Message | None) -> str | None:
        """Send a mail; the reason if it was not."""
        if message is None:
            return ""
        try:
            recipient = self.writer.key.decrypt(mail.address)
        except InvalidToken:
            return "the address was encrypted by another HYPERVISOR_CITIZENS_KEY"
        target = self._address(mail, recipient)
        key = f"citizen-{mail.message}-{mail.subscription}"
        if mail.message == 0:
            key = f"{key}-{mail.id}"
        try:
            apprise_channel.send(target, message, key=key, seconds=self.timeout)
        except ChannelError as error:
            return str(error).replace(recipient, "…")
        return None

    def _address(self, mail: DueMail, recipient: str) -> str:
        """Apprise's address of a mail, with the headers of a one-click end (RFC 8058)."""
        options = {"to": recipient, "format": "text"}
        if mail.message:
            options["+List-Unsubscribe"] = f"<{self.writer.write_leave_address(mail)}>"
            options["+List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        joined = "&".join(f"{name}={quote(text, safe='')}" for name, text in options.items())
        return f"{self.target}{'&' if '?' in self.target else '?'}{joined}"

    def _record(self, mail: DueMail, error: str | None) -> None:
        if error is None:
            queries.mark_sent(self.connection, mail.id)
        elif not error:
            queries.give_up(self.connection, mail.id, "it no longer holds")
        elif mail.attempts >= _TRIES:
            queries.give_up(self.connection, mail.id, error)
        else:
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (mail.attempts - 1))
            queries.mark_failed(self.connection, mail.id, error, timedelta(seconds=wait))
