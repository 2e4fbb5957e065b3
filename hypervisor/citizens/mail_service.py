"""One mail to one citizen by SMTP: the envelope names the address that subscribed, and no other."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from hypervisor.citizens.errors import NoAnswerError
from hypervisor.citizens.mail_address import is_read_as_written
from hypervisor.citizens.timed_sockets import Deadline, TimedSocket, connect, make_trust, secure
from hypervisor.notifications.channel_apprise import MailServer
from hypervisor.notifications.model import ChannelError, Message
from hypervisor.notifications.posting import KEY


@dataclass(frozen=True, kw_only=True)
class MailService:
    """Hands mails over to a server. `timeout`: s of a whole exchange."""

    server: MailServer
    timeout: float
    trust: ssl.SSLContext = field(default_factory=make_trust)

    def send(
        self,
        recipient: str,
        message: Message,
        *,
        key: str,
        at: datetime,
        headers: Mapping[str, str],
    ) -> None:
        """Send a mail. Raises ChannelError: it was refused; NoAnswerError: nobody answers."""
        if not is_read_as_written(recipient):
            raise ChannelError("the address would be read as another")
        mail = self.write(recipient, message, key=key, at=at, headers=headers)
        deadline = Deadline(self.timeout)
        try:
            with _Client(self.server, self.trust, deadline) as client:
                self._sign_in(client)
                client.sendmail(self.server.sender, [recipient], mail.as_bytes())
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            raise ChannelError("the mail server refuses it: {error}", error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NoAnswerError("{name}: {error}", type(error).__name__, error) from error

    def _sign_in(self, client: "_Client") -> None:
        if self.server.security == "starttls":
            client.begin_tls()
        if self.server.user:
            client.login(self.server.user, self.server.password)

    def write(
        self,
        recipient: str,
        message: Message,
        *,
        key: str,
        at: datetime,
        headers: Mapping[str, str],
    ) -> EmailMessage:
        """The mail. `at`: its date."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = _write_address(self.server.sender, self.server.name)
        mail["To"] = _write_address(recipient)
        mail["Subject"] = message.title
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = f"<{key}@{self.server.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
        mail[KEY] = key
        for name, text in headers.items():
            mail[name] = text
        mail.set_content(message.text)
        return mail


class _Client(smtplib.SMTP):
    """A session whose every wait ends by the deadline."""

    def __init__(self, server: MailServer, trust: ssl.SSLContext, deadline: Deadline) -> None:
        self._server, self._trust, self._deadline = server, trust, deadline
        super().__init__(server.host, server.port, timeout=deadline.left())

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        plain: TimedSocket = connect((host, port), self._deadline)
        if self._server.security == "tls":
            return secure(plain, self._trust, host, self._deadline)
        return plain

    def begin_tls(self) -> None:
        """STARTTLS. Raises SMTPException, OSError."""
        self.starttls(context=self._trust)
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.deadline = self._deadline  # type: ignore[attr-defined]  # our class


def _write_address(address: str, name: str = "") -> Address:
    user, _at, domain = address.rpartition("@")
    return Address(display_name=name, username=user, domain=domain)
