"""The report after an event: timeline, charts and alarm log, to print or export."""

from datetime import UTC, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_incidents, views_words
from hypervisor.alarms.incidents import Incident
from hypervisor.base.instants import moment
from hypervisor.base.reader import reading
from hypervisor.commands.views import Desk
from hypervisor.interventions import views as order_views
from hypervisor.logbook import views as log_view
from hypervisor.overview import views_report as view
from hypervisor.overview.views_report import LONGEST, ReportQuery
from hypervisor.overview.views_site_chart import SiteChart, build_chart
from hypervisor.overview.views_site_facts import load_facts
from hypervisor.overview.views_site_traces import resolve_span
from hypervisor.readings.calm import assess_period
from hypervisor.web import formats
from hypervisor.web.budget import SPAN, costs
from hypervisor.web.rendering import alarm_domains, reader_of, render
from hypervisor.web.times import local, text

router = APIRouter()
PAGE = None
_USUAL = timedelta(days=2)
_HOUR = timedelta(hours=1)
_WIDE = 884.0
_HEADER = (
    "number,rule,severity,title,site,domain,category,since,began,ended,raised,acknowledged,by,"
    "response_s"
)
_BYTE_ORDER_MARK = "\ufeff"  # spreadsheets then read UTF-8


def parse_query(  # noqa: PLR0913  the fields of the form
    context: Context,
    begins: Annotated[str, Query(alias="from", max_length=40)] = "",
    ends: Annotated[str, Query(alias="to", max_length=40)] = "",
    domain: Annotated[str, Query(max_length=100)] = "",
    incident: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    *,
    maintenance: bool = False,
) -> ReportQuery:
    """The requested span, else that of the incident, else the last two days."""
    now = context.now()
    first, last = local(begins, context), local(ends, context)
    record = None if incident is None else _find_incident(context, incident)
    if record is not None:  # from one hour before it to one hour after
        ended = record.ended
        first = first or moment(record.opened) - _HOUR
        last = last or (now if ended is None else moment(ended) + _HOUR)
    last = last or now + timedelta(seconds=1)
    if first is None or last <= first:
        first = last - _USUAL
    return ReportQuery(
        begins=max(first, last - LONGEST),
        ends=last,
        domain=domain,
        incident=incident,
        alarms=None if incident is None else record.alarms if record else (),
        maintenance=maintenance,
    )


Of = Annotated[ReportQuery, Depends(parse_query)]


@router.get("/report")
@costs(SPAN)
def show_report(context: Context, of: Of) -> Response:
    """The report as a page."""
    document = view.build_report(context, of)
    incidents = queries_incidents.list_incidents(
        context.connection, wall=context.clock(), every=True, limit=100
    )
    return render(
        context,
        "report.html",
        report=document,
        period=assess_period(context, document.asking.ends),
        orders=order_views,
        desk=Desk(context=context),
        charts=_build_charts(context, document),
        incidents=incidents,
        incident_title=views_words.incident,
        domains=alarm_domains(),
        **log_view.template_words(context),
    )


@router.get("/report.csv")
@costs(SPAN)
def export_csv(context: Context, of: Of) -> Response:
    """The alarm log of the report, one line per alarm."""
    rows = [
        (
            *(row.alarm["id"], row.alarm["rule"], row.worst, row.alarm["title"]),
            *(row.alarm[key] for key in ("site", "domain", "category", "since", "began", "ended")),
            *(row.raised and text(row.raised), row.acknowledged and text(row.acknowledged)),
            row.by,
            None if row.response is None else int(row.response.total_seconds()),
        )
        for row in view.build_report(context, of).rows
    ]
    name = f"report-{of.begins.astimezone(UTC):%Y%m%dT%H%MZ}"
    return formats.table((_BYTE_ORDER_MARK + _HEADER).split(","), rows, name=name)


def _build_charts(
    context: RequestContext, document: view.Report
) -> list[tuple[str, str, SiteChart]]:
    """Name, title and chart of the most affected sites."""
    of = document.asking
    charts = []
    with reading(reader_of(context)):
        span = resolve_span(None, of.begins, of.ends, context.now())
        for name in document.sites:
            facts = load_facts(context, name)
            chart = build_chart(context, facts, span, width=_WIDE)
            charts.append((name, facts.place.title, chart))
    return charts


def _find_incident(context: RequestContext, number: int) -> Incident | None:
    incidents = queries_incidents.list_incidents(
        context.connection, wall=context.clock(), every=True, number=number
    )
    return incidents[0] if incidents else None
