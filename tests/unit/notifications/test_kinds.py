"""Each kind of channel: its record is whole, and the example of CONTRIBUTING.md is one."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from hypervisor.base import rooms
from hypervisor.base.translation import catalogue
from hypervisor.notifications import route_form
from hypervisor.notifications.kinds import ChannelKind, list_kinds
from hypervisor.notifications.model import Message
from hypervisor.notifications.route_file import read_routes
from hypervisor.notifications.sending import Sender
from rules._errors import RuleError
from tests.documents import ROOT, find_example
from tests.postings import NOWHERE
from tests.unit.notifications.test_webhook import Hook

MESSAGE = Message(title="Crue à Gif", text="The river rises.", kind="warning", data={})


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def with_example(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's module is found beside the others."""
    code = find_example("CONTRIBUTING.md", __file__)
    module = ModuleType("channel_sms")
    exec(code, vars(module))  # noqa: S102  our own document
    every = (*rooms.modules("channel"), module)
    monkeypatch.setattr(rooms, "modules", lambda _role: every)
    list_kinds.cache_clear()
    yield
    list_kinds.cache_clear()


def write(**fields: str) -> str:
    written = ", ".join(f'{name}: "{text}"' for name, text in fields.items())
    return f"routes: [{{name: duty, channels: [{{name: phone, sms: {{{written}}}}}]}}]"


@pytest.mark.parametrize("kind", list_kinds().values(), ids=lambda kind: str(kind.name))
def test_a_kind_has_a_label_in_french_and_a_line_in_the_manual(kind: ChannelKind) -> None:
    assert kind.label in catalogue("fr")
    assert set(kind.secrets) <= set(kind.fields)
    assert f"`{kind.name}`" in (ROOT / "docs/notifications.md").read_text("utf-8")


@pytest.mark.usefixtures("with_example")
def test_the_example_in_contributing_md_sends_what_its_route_says(hook: Hook) -> None:
    file = write(gateway=f"{hook.base}/send", to="+33612345678", token="${SMS_TOKEN}")
    (channel,) = read_routes(file, file="r").routes[0].channels
    secrets = {"SMS_TOKEN": "s3cret&"}
    Sender(broker=NOWHERE, secrets=lambda: secrets, seconds=20)(channel, MESSAGE, "k")
    ((path, headers, body),) = hook.got
    assert (path, body) == ("/send", b"to=%2B33612345678&text=Crue+%C3%A0+Gif")
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer s3cret&", "k")
    before = route_form.find_route(file, "duty") or {}
    values = route_form.fill_values(before)
    assert values["channels.0.kind"] == "sms"
    assert route_form.build_route(route_form.build_fields({}), values, before) == before


@pytest.mark.usefixtures("with_example")
def test_what_is_missing_or_secret_is_told_where_it_stands() -> None:
    with pytest.raises(RuleError, match=r"r:1:\d+: token is a secret: write \$\{NAME\}"):
        read_routes(write(gateway="https://x.example", to="+33", token="abc"), file="r")
    with pytest.raises(RuleError, match=r"a channel sms needs 'to'"):
        read_routes(write(gateway="https://x.example", token="${T}"), file="r")
    with pytest.raises(RuleError, match=r"unknown.*'tom'|'tom'"):
        read_routes(write(gateway="https://x.example", tom="x", token="${T}"), file="r")


def test_a_kind_that_a_form_invents_is_refused_as_in_the_file() -> None:
    values = {"name": "duty", "channels.0.kind": "pigeon", "channels.0.target": "loft"}
    made = route_form.build_route(route_form.build_fields({}), values, {})
    with pytest.raises(RuleError, match="pigeon"):
        read_routes(route_form.put_route("routes: []", "duty", made), file="r")
