"""The words of mails to citizens."""

from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hypervisor.base.reader import Reader, reading
from hypervisor.base.translation import translate as _
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.queries_subscriptions import DueMail
from hypervisor.notifications.model import Message
from hypervisor.publications.model import MessageKind, PublishedMessage
from hypervisor.publications.views import build_message
from hypervisor.web import filters


@dataclass(frozen=True, kw_only=True)
class MailWriter:
    """Writes mails of one instance. `address`: where citizens reach it."""

    key: AddressKey
    publisher: str
    address: str
    zone: ZoneInfo

    def write_confirmation(self, mail: DueMail, reader: Reader) -> Message:
        """Asks whether the address is its owner's."""
        token = self.key.write_token("confirm", mail.subscription)
        with reading(reader):
            commune = mail.commune_name or mail.commune
            title = _("Confirm: warnings of %(commune)s") % {"commune": commune}
            lines = [
                _("Somebody entered this address to receive the warnings of %(commune)s.")
                % {"commune": commune},
                _("Confirm within 48 hours:"),
                f"{self.address}/public/subscriptions/{token}?lang={reader.language}",
                _("If it was not you, do nothing: the address is deleted."),
                self.publisher,
            ]
        return _make(title, lines)

    def write_warning(self, mail: DueMail, message: PublishedMessage, reader: Reader) -> Message:
        """A published message in the subscriber's language."""
        with reading(reader):
            text = build_message(message, reader.language, over=False)
            title = f"{text.hazard}: {text.headline}"
            if message.kind is MessageKind.UPDATE:
                title = _("Update: %(headline)s") % {"headline": text.headline}
            lines = [
                text.headline,
                *text.description,
                *([_("What to do"), *(f"- {line}" for line in text.instruction)]
                  if text.instruction else []),
                f"{_('Where:')} {', '.join(text.areas)}",
                *([] if text.cancelled else [f"{_('Until:')} {filters.full(text.expires)}"]),
                f"{self.address}/public/{quote(text.identifier)}?lang={reader.language}",
                _("In an emergency dial 112."),
                f"{self.publisher}. {_('No more mails:')} {self.write_leave_address(mail)}",
            ]  # fmt: skip
        return _make(title, lines)

    def write_leave_address(self, mail: DueMail) -> str:
        """Where a subscriber leaves, by a click or by their mail program."""
        token = self.key.write_token("leave", mail.subscription)
        return f"{self.address}/public/unsubscribe/{token}?lang={mail.language}"


def _make(title: str, lines: list[str]) -> Message:
    return Message(title=" ".join(title.split()), text="\n\n".join(lines), kind="warning", data={})
