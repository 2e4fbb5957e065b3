"""Administration: who is told of what, a test of it, and what could not be sent."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import render
from hypervisor.console.views import admin as frame
from hypervisor.notify import routing, trying
from hypervisor.notify.routes import DEAD_MAN, Channel
from hypervisor.settings import Settings
from hypervisor.store import audit
from hypervisor.store.connect import Connection, connect
from hypervisor.store.notify import deliveries, telling
from hypervisor.store.notify.deliveries import Row as Delivery
from hypervisor.store.watch.turn import translated
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
WAIT = 8.0  # s that a person waits for a test
_STATES = ("waiting", "sent", "dead", "dropped")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A route as people read it, without where its channels lead: addresses may hold secrets."""

    name: str
    channels: tuple[Channel, ...]
    severity: str
    language: str
    narrowed: tuple[str, ...]
    alive: bool = False


@router.get("/admin/notifications")
def every(
    asked: Asked,
    done: Annotated[str, Query(max_length=20)] = "",
    tried: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """The routes in force, and the last deliveries. `tried`: a test, and what became of it."""
    return _listed(asked, done=done, tried=tried)


@router.post("/admin/notifications/test")
def send_test(
    asked: Asked, request: Request, route: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Send a test to every channel of a route, by the way that alarms take."""
    asked.require(Duty.ADMINISTER)
    settings: Settings | None = getattr(request.app.state, "settings", None)
    if settings is None:
        return _listed(asked, wrong="this process was not started with settings")
    try:
        with asked.writing() as connection:
            audit.record(
                connection,
                kind="notification-test",
                subject=route or "-",
                reason="sent a test",
                author=asked.person.name,
            )
        # Not in one transaction: whoever sends must see it while we wait.
        with translated(), connect(settings.database_url, autocommit=True) as connection:
            event = trying.send(connection, settings, route)
            trying.outcome(connection, event, seconds=WAIT)
    except TerritoryError as error:
        return _listed(asked, wrong=refusal(error))
    return RedirectResponse(f"/admin/notifications?tried={event}#tried", status_code=303)


@router.post("/admin/notifications/retry")
def retry(asked: Asked, number: Annotated[int, Form(ge=1, le=2**63 - 1)]) -> Response:
    """Try again what was given up."""
    asked.require(Duty.ADMINISTER)
    with asked.writing() as connection:
        audit.record(
            connection,
            kind="notification-retry",
            subject=str(number),
            reason="sent again what was given up",
            author=asked.person.name,
        )
        deliveries.retry(connection, [number])
    return RedirectResponse("/admin/notifications?done=retried", status_code=303)


def _test(connection: Connection, event: int) -> list[Delivery]:
    return [one for one in deliveries.of_event(connection, event) if one.event == "test"]


def _rows(connection: Connection) -> list[Row]:
    routes = routing.in_force(connection)
    rows = [
        Row(
            name=one.name,
            channels=one.channels,
            severity=one.severity,
            language=one.language,
            narrowed=tuple(
                sorted({*one.domains, *one.categories, *one.areas, *one.sites, *one.rules})
            ),
        )
        for one in routes.routes
    ]
    if routes.dead_man is not None:
        man = routes.dead_man
        rows.append(
            Row(
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
    asked: Access, *, done: str = "", wrong: str = "", tried: int | None = None
) -> Response:
    asked.require(Duty.ADMINISTER)
    with asked.owning() as connection:
        revisions = telling.routes_revisions(connection)
        rows = _rows(connection) if revisions else []
        sent = deliveries.listing(connection, states=_STATES, alarm=None, limit=30)
        counts = deliveries.counts(connection)
        test = [] if tried is None else _test(connection, tried)
    return render(
        asked,
        "admin_notifications.html",
        status_code=422 if wrong else 200,
        routes=rows,
        revision=revisions[-1] if revisions else None,
        sent=sent,
        counts=counts,
        tried=test,
        **frame.frame(asked, "notifications", done=done, wrong=wrong),
    )
