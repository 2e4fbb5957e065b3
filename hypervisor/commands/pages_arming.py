"""Pages: rules that may send by themselves; what a rule proposes, inside its page."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import ConflictError
from hypervisor.base.translation import mark
from hypervisor.commands import queries, queries_arming, service_arming, views_arming
from hypervisor.commands.arming import ArmingOrder
from hypervisor.registry.queries_works import load_in_force
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, render
from sensors._command import CommandError

router = APIRouter()
PAGE: Page | None = None
HOURS = (1, 8, 24, 7 * 24, 30 * 24, 365 * 24)  # how long a rule can be armed for
_DISARMED = mark("disarmed in the console")
_Name = Annotated[str, Form(max_length=200)]


@router.get("/armed-rules")
def show_armed(context: Context) -> Response:
    """What is armed, where and by whom; for administrators the form to arm."""
    return _render(context)


@router.post("/armed-rules")
def change(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    rule: _Name,
    site: _Name,
    reason: Annotated[str, Form(max_length=1_000)] = "",
    hours: Annotated[int, Form(ge=0, le=HOURS[-1])] = 0,
    seen: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0,
) -> Response:
    """Arm a rule for some hours; 0: disarm it at once."""
    order = ArmingOrder(
        rule=rule,
        site=site,
        ends=queries.read_clock(context.connection) + timedelta(hours=hours) if hours else None,
        author=context.person.name,
        reason=reason or ("" if hours else _DISARMED),
    )
    try:
        service_arming.change_arming(context, order, seen=seen)
    except (CommandError, ConflictError) as error:
        context.connection.rollback()
        return _render(context, wrong=error, entered=order)
    return RedirectResponse("/armed-rules", status_code=303)


@router.get("/armed-rules/part")
def show_part(context: Context, rule: Annotated[str, Query(max_length=200)]) -> Response:
    """What a rule proposes, and where it is armed, inside its page."""
    rules = load_in_force(context.connection, "rule", queries.read_clock(context.connection))
    proposed = views_arming.list_proposed(context, rules.get(rule, {}))
    return fragment(
        context,
        "armed_part.html",
        rule=rule,
        proposed=proposed,
        rows=views_arming.list_rows(context, rules, rule),
        describe=views_arming.describe,
        describe_target=views_arming.describe_target,
    )


def _render(
    context: RequestContext,
    *,
    wrong: CommandError | ConflictError | None = None,
    entered: ArmingOrder | None = None,
) -> Response:
    rules = load_in_force(context.connection, "rule", queries.read_clock(context.connection))
    return render(
        context,
        "armed.html",
        status_code=409 if isinstance(wrong, ConflictError) else 422 if wrong else 200,
        wrong=refusal(wrong) if wrong else "",
        entered=entered,
        seen=queries_arming.read_last(context.connection),
        listing=views_arming.load_page(context, rules),
        hours=HOURS,
        administers=not context.person.territory(Duty.ADMINISTER).empty,
    )
