"""The words of warnings to citizens: mails, and notifications of their browsers."""

import json
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hypervisor.base.reader import Reader, reading
from hypervisor.base.translation import translate as _
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.push_service import LARGEST
from hypervisor.citizens.queries_subscriptions import Delivery
from hypervisor.notifications.model import Message
from hypervisor.publications.model import MessageKind, PublishedMessage
from hypervisor.publications.views import build_message
from hypervisor.web import filters


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes what one instance sends. `address`: where citizens reach it."""

    key: AddressKey
    publisher: str
    address: str
    zone: ZoneInfo

    def write_confirmation(self, delivery: Delivery, reader: Reader) -> Message:
        """Asks whether the address is its owner's."""
        token = self.key.write_token("confirm", delivery.subscription)
        with reading(reader):
            commune = delivery.commune_name or delivery.commune
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

    def write_warning(
        self, delivery: Delivery, message: PublishedMessage, reader: Reader
    ) -> Message:
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
                f"{self.publisher}. {_('No more mails:')} {self.write_leave_address(delivery)}",
            ]  # fmt: skip
        return _make(title, lines)

    def write_leave_address(self, delivery: Delivery) -> str:
        """Where a subscriber leaves, by a click or by their mail program."""
        return f"{self.address}{self._write_leave_path(delivery)}"

    def _write_leave_path(self, delivery: Delivery) -> str:
        token = self.key.write_token("leave", delivery.subscription)
        return f"/public/unsubscribe/{token}?lang={delivery.language}"

    def write_push_confirmation(self, delivery: Delivery, reader: Reader) -> bytes:
        """A notification that leads to the button which confirms."""
        token = self.key.write_token("confirm", delivery.subscription)
        with reading(reader):
            commune = delivery.commune_name or delivery.commune
            title = _("Confirm: warnings of %(commune)s") % {"commune": commune}
            body = _("Touch this notification to confirm, within 48 hours.")
        return _pack(
            {
                "title": title,
                "body": body,
                "path": f"/public/subscriptions/{token}?lang={reader.language}",
                "tag": f"confirm-{delivery.commune}",
                "id": f"confirm-{delivery.subscription}-{delivery.id}",
                "lang": reader.language,
            }
        )

    def write_push_warning(
        self, delivery: Delivery, message: PublishedMessage, reader: Reader
    ) -> bytes:
        """A notification of a message: in full on the page to which it leads."""
        with reading(reader):
            text = build_message(message, reader.language, over=False)
            title = _("%(name)s:") % {"name": text.hazard} + f" {text.headline}"
            if message.kind is MessageKind.UPDATE:
                title = _("Update: %(headline)s") % {"headline": text.headline}
            lines = [", ".join(text.areas), *text.description, *text.instruction]
            stop = _("Stop these warnings")
        return _pack(
            {
                "title": title,
                "body": "\n".join(lines),
                "path": f"/public/{quote(text.identifier)}?lang={reader.language}",
                "leave": self._write_leave_path(delivery),
                "stop": stop,
                "tag": f"publication-{message.publication}",
                "id": f"message-{message.id}",
                "lang": reader.language,
            }
        )


def _pack(notification: dict[str, str]) -> bytes:
    """As JSON that a push service takes: a long text is cut."""
    packed = _encode(notification)
    while len(packed) > LARGEST:
        excess = len(packed) - LARGEST
        kept = notification["body"].encode()[: -excess - 3].decode("utf-8", "ignore")
        notification = notification | {"body": f"{kept.rstrip()}…"}
        packed = _encode(notification)
    return packed


def _encode(notification: dict[str, str]) -> bytes:
    return json.dumps(notification, ensure_ascii=False).encode()


def _make(title: str, lines: list[str]) -> Message:
    return Message(title=" ".join(title.split()), text="\n\n".join(lines), kind="warning", data={})
