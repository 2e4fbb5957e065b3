"""The report after an event: timeline, charts, the alarm log as it was known; prints, exports."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from hypervisor.alarms import viewing
from hypervisor.api.access import Access, Asked
from hypervisor.api.times import text
from hypervisor.console.pages.log import local
from hypervisor.console.reader import reading
from hypervisor.console.rendering import reader_of, render
from hypervisor.console.views import log as log_view
from hypervisor.console.views import report as view
from hypervisor.console.views.report import LONGEST, Asking
from hypervisor.console.views.site_chart import SiteChart, build
from hypervisor.console.views.site_facts import facts
from hypervisor.console.views.site_spans import shown

router = APIRouter()
PAGE = None
_USUAL = timedelta(days=2)
_WIDE = 884.0
_HEADER = (
    "number",
    "rule",
    "severity",
    "title",
    "site",
    "domain",
    "category",
    "since",
    "began",
    "ended",
    "raised",
    "acknowledged",
    "by",
    "response_s",
)


def asking(  # noqa: PLR0913  the fields of the form
    asked: Asked,
    begins: Annotated[str, Query(alias="from", max_length=40)] = "",
    ends: Annotated[str, Query(alias="to", max_length=40)] = "",
    domain: Annotated[str, Query(max_length=100)] = "",
    incident: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    *,
    maintenance: bool = False,
) -> Asking:
    """The span that was asked for; of an incident its own; else the last two days."""
    now = asked.now()
    first, last = local(begins, asked), local(ends, asked)
    told = None if incident is None else _incident(asked, incident)
    if told is not None:
        opened, ended = _span_of(told, now)
        first, last = first or opened, last or ended
    last = last or now + timedelta(seconds=1)
    first = first or last - _USUAL
    if last <= first:
        first = last - _USUAL
    return Asking(
        begins=max(first, last - LONGEST),
        ends=last,
        domain=domain,
        incident=incident,
        alarms=None if incident is None else tuple(told["alarms"] if told else ()),
        maintenance=maintenance,
    )


Of = Annotated[Asking, Depends(asking)]


@router.get("/report")
def report(asked: Asked, of: Of) -> Response:
    """One page of it, made to be read and to be printed."""
    found = view.report(asked, of)
    incidents = viewing.incidents_viewed(
        asked.connection, wall=asked.clock(), every=True, limit=100
    )
    return render(
        asked,
        "report.html",
        report=found,
        charts=_charts(asked, found),
        incidents=incidents,
        domains=[(one.name, one) for one in asked.catalogue.domains.values()],
        **log_view.words(),
    )


@router.get("/report.csv")
def table(asked: Asked, of: Of) -> Response:
    """The alarm log of the report, a line an alarm."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEADER)
    for one in view.report(asked, of).rows:
        alarm = one.alarm
        answer = one.response
        writer.writerow(
            [
                *(alarm["id"], alarm["rule"], one.worst, alarm["title"], alarm["site"] or ""),
                *(alarm["domain"], alarm["category"], alarm["since"], alarm["began"]),
                *(alarm["ended"] or "", _text(one.raised), _text(one.acknowledged), one.by or ""),
                "" if answer is None else int(answer.total_seconds()),
            ]
        )
    name = f"report-{of.begins.astimezone(UTC):%Y%m%dT%H%MZ}.csv"
    return Response(
        "\ufeff" + out.getvalue(),  # a spreadsheet then knows that it is UTF-8
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _charts(asked: Access, found: view.Report) -> list[tuple[str, str, SiteChart]]:
    """Name, title and chart of each site that tells most."""
    of = found.asking
    with reading(reader_of(asked)):
        known = [facts(asked, name) for name in found.sites]
        span = shown(None, of.begins, of.ends, asked.now())
        return [
            (one.place.name, one.place.title, build(asked, one, span, width=_WIDE)) for one in known
        ]


def _incident(asked: Access, number: int) -> Mapping[str, Any] | None:
    found = viewing.incidents_viewed(
        asked.connection, wall=asked.clock(), every=True, number=number
    )
    return found[0] if found else None


def _span_of(incident: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """An hour around an incident."""
    hour = timedelta(hours=1)
    ended = incident["ended"]
    last = now if ended is None else datetime.fromisoformat(ended) + hour
    return datetime.fromisoformat(incident["opened"]) - hour, last


def _text(at: datetime | None) -> str:
    return "" if at is None else text(at)
