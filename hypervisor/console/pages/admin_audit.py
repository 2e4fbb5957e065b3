"""Administration: who did what, when and why."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from hypervisor.api.access import Access, Asked
from hypervisor.console.page import Page
from hypervisor.console.rendering import render
from hypervisor.console.views import admin as frame
from hypervisor.store import audit

router = APIRouter()
PAGE: Page | None = None
SHOWN = 50
Filter = Annotated[str, Query(max_length=200)]


@router.get("/admin/audit")
def every(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    *,
    author: Filter = "",
    kind: Filter = "",
    subject: Filter = "",
    since: Filter = "",
    until: Filter = "",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Acts, the latest first."""
    shared = frame.frame(asked, "audit")
    rows = audit.page(
        asked.connection,
        since=_day(asked, since),
        until=_day(asked, until, after=1),
        kind=kind or None,
        subject=subject or None,
        author=author or None,
        before=before,
        limit=SHOWN + 1,
    )
    return render(
        asked,
        "admin_audit.html",
        acts=rows[:SHOWN],
        more=rows[SHOWN - 1].id if len(rows) > SHOWN else None,
        filters={
            "author": author,
            "kind": kind,
            "subject": subject,
            "since": since,
            "until": until,
        },
        before=before,
        known=audit.words(asked.connection),
        **shared,
    )


def _day(asked: Access, said: str, *, after: int = 0) -> datetime | None:
    """The beginning of a day in the instance's zone; of nothing that is none."""
    try:
        day = datetime.fromisoformat(said).date() + timedelta(days=after)
    except (ValueError, OverflowError):
        return None
    if not 1900 < day.year < 2200:
        return None
    begins = datetime.combine(day, time(), tzinfo=ZoneInfo(asked.instance.timezone))
    return begins.astimezone(UTC)
