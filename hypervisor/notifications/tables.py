"""Deliveries and events as plain values and as a table."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from hypervisor.base.instants import micros, text
from hypervisor.notifications.queries_deliveries import DeliveryRow
from hypervisor.notifications.queries_outbox import Entry


def delivery_as_text(row: DeliveryRow) -> dict[str, Any]:
    """A delivery as plain values; times RFC 3339 in UTC."""
    return {
        "id": row.id,
        "alarm": row.alarm,
        "event": row.event,
        "route": row.route,
        "channel": row.channel,
        "state": row.state,
        "failed": row.attempts,
        "created_at": _text(row.created_at),
        "made_at": _text(row.created_at),  # the old key, for one version
        "next_try": _text(row.next_try) if row.state == "waiting" else None,
        "sent_at": _text(row.sent_at),
        "error": row.last_error,
        "title": row.title,
        "key": row.key,
    }


def event_as_text(event: Entry) -> dict[str, Any]:
    """An event that was not sent, or not yet, as plain values."""
    alarm = event.body.get("alarm")
    about = alarm if isinstance(alarm, Mapping) else event.body
    return {
        "alarm": event.alarm,
        "event": event.event,
        "at": text(event.at),
        "due": text(event.due),
        "why": event.held,
        "title": about.get("title") or event.body.get("rule"),
        "key": event.key,
    }


def build_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Plain values as a table, without the keys of deliveries."""
    names = [name for name in rows[0] if name != "key"]
    table = Table(*names, box=None)
    for row in rows:
        table.add_row(*(escape("" if row[name] is None else str(row[name])) for name in names))
    return table


def _text(at: datetime | None) -> str | None:
    return None if at is None else text(micros(at))
