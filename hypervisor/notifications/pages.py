"""Administration: notification routes, tests, failed deliveries."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.database import audit
from hypervisor.database.connect import connect, store_errors
from hypervisor.notifications import queries_deliveries, queries_routes, routing, test_message
from hypervisor.notifications.routes import DEAD_MAN
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from hypervisor.web.request import get_settings
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
WAIT = 8.0  # s to wait for a test


@router.get("/admin/notifications")
def show_notifications(
    context: Context,
    done: Annotated[str, Query(max_length=20)] = "",
    tried: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """The routes in force and the last deliveries. `tried`: the event of a test to show."""
    return _render(context, done=done, tried=tried)


@router.post("/admin/notifications/test")
def send_test(
    context: Context, request: Request, route: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Send a test to every channel of a route, the same way as alarms."""
    context.require(Duty.ADMINISTER)
    settings = get_settings(request)
    try:
        # Not in one transaction: the notifier must see it while we wait.
        with store_errors(), connect(settings.database_url, autocommit=True) as connection:
            event = test_message.send_test(connection, settings, route, author=context.person.name)
            test_message.wait_for_outcome(connection, event, seconds=WAIT)
    except TerritoryError as error:
        return _render(context, wrong=refusal(error))
    return RedirectResponse(f"/admin/notifications?tried={event}#tried", status_code=303)


@router.post("/admin/notifications/retry")
def retry(context: Context, number: Annotated[int, Form(ge=1, le=2**63 - 1)]) -> Response:
    """Send a delivery again that was given up."""
    context.require(Duty.ADMINISTER)
    with context.writing() as connection:
        audit.record(
            connection,
            kind="notification-retry",
            subject=str(number),
            reason="sent a failed notification again",
            author=context.person.name,
        )
        queries_deliveries.retry_dead(connection, [number])
    return RedirectResponse("/admin/notifications?done=retried", status_code=303)


def _render(
    context: RequestContext, *, done: str = "", wrong: str = "", tried: int | None = None
) -> Response:
    context.require(Duty.ADMINISTER)
    with context.owning() as connection:
        revision = queries_routes.ROUTES.find_revision(connection)
        in_force = routing.read_in_force(connection)
        gaps = routing.find_gaps(connection, in_force) if in_force.routes else []
    mine = context.connection  # without those about homes that the administrator does not see
    sent = queries_deliveries.list_deliveries(mine, limit=30)
    counts = queries_deliveries.count_by_state(mine)
    test = [] if tried is None else queries_deliveries.list_by_event(mine, tried)
    return render(
        context,
        "admin_notifications.html",
        status_code=422 if wrong else 200,
        routes=in_force.every,
        gaps=gaps,
        heartbeat=DEAD_MAN,
        revision=revision,
        sent=sent,
        counts=counts,
        tried=[delivery for delivery in test if delivery.event == "test"],
        **frame.admin_context(context, "notifications", done=done, wrong=wrong),
    )
