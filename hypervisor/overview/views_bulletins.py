"""Official bulletins as pages show them: in the forecasters' own words, with source and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.freshness import Input, find_gap
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.feeds import queries_bulletins
from hypervisor.feeds.queries_bulletins import StoredBulletin
from hypervisor.feeds.views_official import BULLETIN, Official

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
    official: Official
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


def _judge(row: StoredBulletin, now: datetime) -> Official:
    """Its colour, with what is wrong with its time."""
    worse = None if row.colour is None else row.colour > 1
    ends = row.issued + BULLETIN
    given = Input(name=row.title, worse=worse, time=row.issued, until=ends)
    return Official(name=row.title, colour=row.colour, time=row.issued, gap=find_gap(given, now))


def show_bulletin(row: StoredBulletin) -> ShownBulletin:
    """A stored bulletin in the reader's language, with the next one while it is to come."""
    now = current().now
    by = [row.producer] if row.producer and row.producer != row.title else []
    return ShownBulletin(
        title=row.title,
        official=_judge(row, now),
        issued=row.issued,
        next_at=row.next_at if row.next_at and row.next_at > now else None,
        parts=[(_(_PARTS.get(part, part)), text.splitlines()) for part, text in row.texts],
        credit=" · ".join([*by, row.source, row.licence]),
    )
