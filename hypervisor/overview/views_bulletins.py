"""Official bulletins as pages show them: in the forecasters' own words, with source and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.feeds import queries_bulletins
from hypervisor.feeds.queries_bulletins import StoredBulletin

_PARTS = {
    "news": mark("New since the last bulletin"),
    "assessment": mark("Assessment"),
    "situation": mark("Current situation"),
    "hydrology": mark("Rivers"),
    "outlook": mark("Expected evolution"),
    "consequences": mark("Possible consequences"),
    "advice": mark("Advice"),
}


@dataclass(frozen=True, kw_only=True)
class ShownBulletin:
    """A bulletin to read. `parts`: (label, paragraphs); `credit`: who wrote it, and the licence."""

    title: str
    colour: int | None
    issued: datetime
    next_at: datetime | None
    parts: Sequence[tuple[str, Sequence[str]]]
    credit: str


def list_site_bulletins(context: RequestContext, site: str) -> list[StoredBulletin]:
    """Those of the official reaches that a site shows."""
    reaches = queries_bulletins.list_reaches_of(context.connection, site)
    if not reaches:
        return []
    with context.owning() as owner:  # bulletins are public
        return queries_bulletins.list_in_force(owner, context.now(), reaches=reaches)


def show_bulletin(row: StoredBulletin) -> ShownBulletin:
    """A stored bulletin in the reader's language, with the next one while it is to come."""
    now = current().now
    by = [row.producer] if row.producer and row.producer != row.title else []
    return ShownBulletin(
        title=row.title,
        colour=row.colour,
        issued=row.issued,
        next_at=row.next_at if row.next_at and row.next_at > now else None,
        parts=[(_(_PARTS.get(part, part)), text.splitlines()) for part, text in row.texts],
        credit=" · ".join([*by, row.source, row.licence]),
    )
