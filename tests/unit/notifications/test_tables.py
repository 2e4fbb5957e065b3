"""Deliveries and events in plain values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

from rich.console import Console

from hypervisor.base.instants import micros
from hypervisor.notifications import tables
from hypervisor.notifications.queries_deliveries import DeliveryRow
from hypervisor.notifications.queries_outbox import Entry

NOW = datetime(2024, 10, 9, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def row(state: str, sent: datetime | None = None) -> DeliveryRow:
    return DeliveryRow(
        id=1,
        alarm=2,
        event="raised",
        key="k",
        route="duty",
        channel="mail",
        state=state,
        attempts=3,
        created_at=NOW,
        next_try=NOW + SECOND,
        sent_at=sent,
        last_error="not now",
        title="high",
    )


def test_a_delivery() -> None:
    plain = {
        "id": 1,
        "alarm": 2,
        "event": "raised",
        "route": "duty",
        "channel": "mail",
        "state": "waiting",
        "failed": 3,
        "created_at": "2024-10-09T12:00:00Z",
        "made_at": "2024-10-09T12:00:00Z",
        "next_try": "2024-10-09T12:00:01Z",
        "sent_at": None,
        "error": "not now",
        "title": "high",
        "key": "k",
    }
    assert tables.delivery_as_text(row("waiting")) == plain
    sent = {"state": "sent", "next_try": None, "sent_at": "2024-10-09T12:00:02Z"}
    assert tables.delivery_as_text(row("sent", NOW + 2 * SECOND)) == {**plain, **sent}


def entry(**body: object) -> Entry:
    at = micros(NOW)
    return Entry(
        id=1, alarm=2, event="raised", key="k", at=at, body=body, due=at + 1_000_000, held=None
    )


def test_an_event() -> None:
    waiting = replace(entry(alarm={"title": "high"}, rule="r"), held="grace")
    assert tables.event_as_text(waiting) == {
        "alarm": 2,
        "event": "raised",
        "at": "2024-10-09T12:00:00Z",
        "due": "2024-10-09T12:00:01Z",
        "why": "grace",
        "title": "high",
        "key": "k",
    }
    assert tables.event_as_text(entry(rule="flood-evil"))["title"] == "flood-evil"
    assert tables.event_as_text(entry(alarm=None))["title"] is None


def test_a_table_has_no_keys_and_shows_words_as_they_are() -> None:
    out = StringIO()
    rows = [{"id": 1, "key": "k", "why": None}, {"id": 2, "key": "l", "why": "[red]x"}]
    Console(file=out, width=80).print(tables.build_table(rows))
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["id", "why"],
        ["1"],
        ["2", "[red]x"],
    ]
