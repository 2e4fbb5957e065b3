"""Administration: who did what, when and why."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context
from hypervisor.accounts import views as frame
from hypervisor.database import audit
from hypervisor.web.page import Page
from hypervisor.web.rendering import render
from hypervisor.web.times import parse_day

router = APIRouter()
PAGE: Page | None = None
PAGE_SIZE = 50
Filter = Annotated[str, Query(max_length=200)]


@router.get("/admin/audit")
def audit_page(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    author: Filter = "",
    kind: Filter = "",
    subject: Filter = "",
    since: Filter = "",
    until: Filter = "",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Acts, the latest first."""
    shared = frame.admin_context(context, "audit")
    zone = ZoneInfo(context.instance.timezone)
    rows = audit.list_latest(
        context.connection,
        since=parse_day(since, zone),
        until=parse_day(until, zone, after=1),
        kind=kind or None,
        subject=subject or None,
        author=author or None,
        before=before,
        limit=PAGE_SIZE + 1,
    )
    return render(
        context,
        "admin_audit.html",
        acts=rows[:PAGE_SIZE],
        more=rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None,
        filters={
            "author": author,
            "kind": kind,
            "subject": subject,
            "since": since,
            "until": until,
        },
        before=before,
        choices=audit.list_filters(context.connection),
        **shared,
    )
