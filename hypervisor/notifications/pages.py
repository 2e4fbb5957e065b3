"""Administration: notification routes, tests, failed deliveries."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection, connect, store_errors
from hypervisor.notifications import queries_alarms, queries_deliveries, routing, test_message
from hypervisor.notifications.queries_deliveries import DeliveryRow as Delivery
from hypervisor.notifications.routes import DEAD_MAN, Channel
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
WAIT = 8.0  # s to wait for a test
_STATES = ("waiting", "sent", "dead", "dropped")


@dataclass(frozen=True, kw_only=True)
class ProblemRow:
    """A route without the addresses of its channels: these may contain secrets."""

    name: str
    channels: tuple[Channel, ...]
    severity: str
    language: str
    narrowed: tuple[str, ...]
    alive: bool = False


@router.get("/admin/notifications")
def show_notifications(
    context: Context,
    done: Annotated[str, Query(max_length=20)] = "",
    tried: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """The routes in force and the last deliveries. `tried`: the event of a test to show."""
    return _listed(context, done=done, tried=tried)


@router.post("/admin/notifications/test")
def send_test(
    context: Context, request: Request, route: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Send a test to every channel of a route, the same way as alarms."""
    context.require(Duty.ADMINISTER)
    settings: Settings | None = getattr(request.app.state, "settings", None)
    if settings is None:
        return _listed(context, wrong="this process was not started with settings")
    try:
        with context.writing() as connection:
            audit.record(
                connection,
                kind="notification-test",
                subject=route or "-",
                reason="sent a test",
                author=context.person.name,
            )
        # Not in one transaction: whoever sends must see it while we wait.
        with store_errors(), connect(settings.database_url, autocommit=True) as connection:
            event = test_message.send_test(connection, settings, route)
            test_message.wait_for_outcome(connection, event, seconds=WAIT)
    except TerritoryError as error:
        return _listed(context, wrong=refusal(error))
    return RedirectResponse(f"/admin/notifications?tried={event}#tried", status_code=303)


@router.post("/admin/notifications/retry")
def retry(context: Context, number: Annotated[int, Form(ge=1, le=2**63 - 1)]) -> Response:
    """Try again what was given up."""
    context.require(Duty.ADMINISTER)
    with context.writing() as connection:
        audit.record(
            connection,
            kind="notification-retry",
            subject=str(number),
            reason="sent again what was given up",
            author=context.person.name,
        )
        queries_deliveries.retry_dead(connection, [number])
    return RedirectResponse("/admin/notifications?done=retried", status_code=303)


def _test(connection: Connection, event: int) -> list[Delivery]:
    return [
        row for row in queries_deliveries.list_by_event(connection, event) if row.event == "test"
    ]


def _rows(connection: Connection) -> list[ProblemRow]:
    routes = routing.read_in_force(connection)
    rows = [
        ProblemRow(
            name=route.name,
            channels=route.channels,
            severity=route.severity,
            language=route.language,
            narrowed=tuple(
                sorted(
                    {*route.domains, *route.categories, *route.areas, *route.sites, *route.rules}
                )
            ),
        )
        for route in routes.routes
    ]
    if routes.dead_man is not None:
        man = routes.dead_man
        rows.append(
            ProblemRow(
                name=DEAD_MAN,
                channels=man.channels,
                severity="",
                language=man.language,
                narrowed=(),
                alive=True,
            )
        )
    return rows


def _listed(
    context: RequestContext, *, done: str = "", wrong: str = "", tried: int | None = None
) -> Response:
    context.require(Duty.ADMINISTER)
    with context.owning() as connection:
        revisions = queries_alarms.list_routes_revisions(connection)
        rows = _rows(connection) if revisions else []
        sent = queries_deliveries.list_deliveries(connection, states=_STATES, alarm=None, limit=30)
        counts = queries_deliveries.count_by_state(connection)
        test = [] if tried is None else _test(connection, tried)
    return render(
        context,
        "admin_notifications.html",
        status_code=422 if wrong else 200,
        routes=rows,
        revision=revisions[-1] if revisions else None,
        sent=sent,
        counts=counts,
        tried=test,
        **frame.admin_context(context, "notifications", done=done, wrong=wrong),
    )
