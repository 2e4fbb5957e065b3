"""Hostile mail addresses: what is taken is handed over as it was counted, to one recipient."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from hypervisor.broker.ports import LOOPBACK
from hypervisor.citizens.errors import NoAnswerError, SubscriptionError
from hypervisor.citizens.mail_address import name_mailbox, normalise
from hypervisor.citizens.mail_service import MailService
from hypervisor.notifications import channel_apprise
from hypervisor.notifications.channel_apprise import MailServer, find_misread, read_mail_server
from hypervisor.notifications.model import ChannelError, Message
from tests.ports import reserve_port

pytestmark = pytest.mark.integration

VICTIM = "victim@b.fr"
ENDS = ("%0d%0a", "\n", "\r\n")  # of a line
DOMAINS = ("b\xfccher", "xn--bcher-kva", "\uff42")
FOREIGN = ("v\u0131ctim", "\uff56ictim", "\u202evictim")  # look like the victim
_MAIL = Message(title="Crue de l'Orge", text="Éloignez-vous.\n.\nRCPT", kind="warning", data={})
_AT = datetime(2026, 1, 1, tzinfo=UTC)
Kind = Callable[[random.Random], str]

KINDS: dict[str, Kind] = {
    "apostrophe": lambda dice: f"z{dice.randrange(99)}'{VICTIM}",
    "quoted": lambda dice: f'"z{dice.randrange(99)}"{VICTIM}',
    "quoted local": lambda dice: f'"z {dice.choice("<>,;@")} z"@b.fr',
    "comment": lambda dice: dice.choice([f"(z){VICTIM}", "victim(z)@b.fr", "victim@b.fr(z)"]),
    "display name": lambda dice: f"Z{dice.randrange(9)} <{VICTIM}>",
    "brackets": lambda dice: dice.choice([f"<{VICTIM}>", f"z<{VICTIM}", f"{VICTIM}>"]),
    "two addresses": lambda dice: f"a{dice.choice([',', ';', ' ', ', '])}{VICTIM}",
    "two with @": lambda dice: f"a@c.fr{dice.choice([',', ';', ' ', '&', '|'])}{VICTIM}",
    "percent route": lambda dice: f"victim%b.fr@relay{dice.randrange(9)}.fr",
    "bang path": lambda dice: dice.choice(["b.fr!victim@c.fr", "victim!@b.fr"]),
    "source route": lambda dice: f"@relay{dice.randrange(9)}.fr:{VICTIM}",
    "plus": lambda dice: f"victim+{dice.randrange(10**6)}@b.fr",
    "URL-encoded": lambda dice: VICTIM.replace("@", dice.choice(["%40", "%2540", "@%00"])),
    "query of apprise": lambda dice: f"a@c.fr{dice.choice('?&')}to={VICTIM}",
    "header": lambda dice: f"a@c.fr{dice.choice(ENDS)}Bcc:{VICTIM}",
    "command": lambda dice: f"a@c.fr>{dice.choice(ENDS)}RCPT TO:<{VICTIM}",
    "control": lambda dice: f"victim{chr(dice.choice([0, 1, 8, 9, 11, 27, 127, 133]))}@b.fr",
    "foreign domain": lambda dice: f"a@{dice.choice(DOMAINS)}.fr",
    "foreign local": lambda dice: dice.choice(FOREIGN) + "@b.fr",
    "domain literal": lambda dice: dice.choice(["victim@[127.0.0.1]", "victim@[IPv6:::1]", "a@b"]),
    "dots": lambda dice: dice.choice([".victim@b.fr", "victim.@b.fr", "v..m@b.fr", "a@b..fr"]),
    "capitals": lambda dice: "".join(dice.choice([c.upper(), c]) for c in VICTIM),
    "long": lambda dice: f"{'a' * dice.randrange(60, 70)}@{'b' * dice.randrange(60, 70)}.fr",
    "atext": lambda dice: f"{''.join(dice.sample('#$&*+-/=?^_`{|}~' + chr(39), 6))}@b.fr",
}  # fmt: skip


class Inbox:
    """What a real server of SMTP took: recipients of the envelope, and the mail."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], Any]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, mail: Envelope) -> str:  # noqa: N802
        content = mail.content if isinstance(mail.content, bytes) else b""
        self.got.append((mail.rcpt_tos, message_from_bytes(content, policy=default)))
        return "250 taken"


@pytest.fixture(scope="module")
def inbox() -> Iterator[tuple[Inbox, MailService]]:
    made, port = Inbox(), reserve_port()
    controller = Controller(made, hostname=LOOPBACK, port=port)
    controller.start()
    server = MailServer(host=LOOPBACK, port=port, security="none", sender="alerte@town.example")
    yield made, MailService(server=server, timeout=5)
    controller.stop()


def _send(service: MailService, address: str) -> None:
    service.send(address, _MAIL, key="k", at=_AT, headers={"List-Unsubscribe": "<https://x/1>"})


@pytest.mark.parametrize("kind", KINDS)
def test_the_envelope_is_the_address_that_was_counted(
    inbox: tuple[Inbox, MailService], kind: str
) -> None:
    box, service = inbox
    dice = random.Random(f"7 {kind}")
    for _ in range(8):
        written = KINDS[kind](dice)
        try:
            address = normalise(written)
        except SubscriptionError:
            continue
        assert address.isascii()
        assert address.count("@") == 1
        assert normalise(address) == address
        before = len(box.got)
        _send(service, address)
        ((recipients, mail),) = box.got[before:]
        assert recipients == [address]
        assert mail["To"].addresses[0].addr_spec == address
        assert len(mail["To"].addresses) == 1
        assert mail["Bcc"] is mail["Cc"] is None
        if recipients == [VICTIM]:
            assert kind == "capitals"


def test_addresses_of_one_person_are_counted_together() -> None:
    dice = random.Random(1)
    for kind in ("plus", "capitals"):
        assert {name_mailbox(normalise(KINDS[kind](dice))) for _ in range(20)} == {VICTIM}
    assert name_mailbox("v.ic.tim+a@googlemail.com") == name_mailbox("Victim@gmail.com")
    assert name_mailbox("+@b.fr") != name_mailbox("@b.fr")


@pytest.mark.parametrize(
    "address", ["a,victim@b.fr", "a <victim@b.fr>", "(z)victim@b.fr", "<a@b.fr"]
)
def test_what_a_database_holds_otherwise_is_not_sent(
    inbox: tuple[Inbox, MailService], address: str
) -> None:
    """An address of an earlier version, or of another hand."""
    box, service = inbox
    before = len(box.got)
    with pytest.raises(ChannelError):
        _send(service, address)
    assert len(box.got) == before


def test_the_mail_and_a_server_that_is_not_there(inbox: tuple[Inbox, MailService]) -> None:
    box, service = inbox
    _send(service, "jeanne@town.example")
    _, mail = box.got[-1]
    assert mail["Subject"] == "Crue de l'Orge"
    assert mail.get_content().splitlines() == _MAIL.text.splitlines()
    assert (mail["Idempotency-Key"], mail["Auto-Submitted"]) == ("k", "auto-generated")
    closed = MailServer(host=LOOPBACK, port=reserve_port(), security="none", sender="a@b.fr")
    with pytest.raises(NoAnswerError):
        _send(MailService(server=closed, timeout=5), "a@b.fr")


@pytest.mark.parametrize(
    ("target", "host", "port", "security", "user"),
    [
        ("mailto://mail.example:2525?from=a@b.fr&to=z@z.fr", "mail.example", 2525, "none", ""),
        ("mailtos://u:p%40@mail.example?from=a@b.fr", "mail.example", 587, "starttls", "u"),
        ("mailtos://u:p@mail.example?from=a@b.fr&mode=ssl", "mail.example", 465, "tls", "u"),
    ],
)
def test_the_setting_names_the_server(
    target: str, host: str, port: int, security: str, user: str
) -> None:
    server = read_mail_server(target)
    assert (server.host, server.port, server.security) == (host, port, security)
    assert (server.user, server.sender) == (user, "a@b.fr")


@pytest.mark.parametrize(
    ("query", "misread"),
    [
        ("to=duty@town.example", None),
        ("to=duty@town.example,second@town.example&cc=third@town.example", None),
        ("to=Duty engineer<duty@town.example>", None),
        ("to=z0'duty@town.example", "duty@town.example"),
        ("to=duty@town.example&cc=z'x@town.example", "x@town.example"),
        ('to="z"duty@town.example', "duty@town.example"),
    ],
)
def test_an_operators_address_is_read_as_it_was_written(query: str, misread: str | None) -> None:
    channel_apprise.load_plugins()
    assert find_misread(f"mailto://127.0.0.1:25?from=a@b.fr&{query}") == misread
