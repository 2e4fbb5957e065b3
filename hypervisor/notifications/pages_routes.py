"""Administration: one notification route and its rota in a form."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.translation import mark, translate
from hypervisor.database.audit import ActError
from hypervisor.notifications import queries_routes, route_form, routing
from hypervisor.notifications.model import NotifyError
from hypervisor.web.forms import FormField, FormValues, Values, find_focus, sort_problems
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import alarm_domains, domain_label, render
from rules._errors import RuleError
from sensors._errors import Place
from sensors._scalars import parse_whole

router = APIRouter()
PAGE: Page | None = None
Key = Annotated[str, Query(max_length=200)]
Back = Annotated[str, Query(pattern="^(now)?$")]
_WORDS = {
    "critical": mark("Critical"),
    "major": mark("Major"),
    "minor": mark("Minor"),
    "info": mark("Notice"),
    "hazard": mark("hazards"),
    "maintenance": mark("our own equipment"),
    "fr": mark("French"),
    "en": mark("English"),
}


@router.get("/admin/notifications/route")
def show_route(context: Context, key: Key = "", back: Back = "") -> Response:
    """The form of a route, or of a new one."""
    context.require(Duty.ADMINISTER)
    revision = queries_routes.ROUTES.find_revision(context.connection)
    route = route_form.find_route(revision.text if revision else "", key) if key else None
    if key and route is None:
        raise NotFoundError("there is no route {key!r}", key)
    return _render(context, key, route_form.fill_values(route or {"language": "fr"}), back=back)


@router.post("/admin/notifications/route")
def save_route(context: Context, values: FormValues, key: Key = "", back: Back = "") -> Response:
    """Save a route as a new revision of the file, or show its form again with what is wrong."""
    context.require(Duty.ADMINISTER)
    if "more" in values:
        return _render(context, key, values, back=back, spare=4)
    fields = _build_fields()
    written = ""

    def edit(text: str) -> str:
        nonlocal written
        name = values.get("name", "")
        if name != key and route_form.find_route(text, name) is not None:
            raise NotifyError("there is a route {name!r} already", name)
        before = route_form.find_route(text, key) or {}
        route = route_form.build_route(fields, values, before)
        written = route_form.put_route(text, key, route)
        return written

    wrong, place = _apply(context, edit, values, subject=values.get("name", ""))
    if wrong:
        where = place and route_form.find_input(written, place, fields, values)
        placed, others = sort_problems(fields, [(where or "", wrong)])
        return _render(context, key, values, wrong=others, problems=placed, back=back)
    return RedirectResponse("/now" if back else "/admin/notifications?done=saved", status_code=303)


@router.post("/admin/notifications/route/remove")
def remove_route(
    context: Context,
    key: Key,
    seen: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Take a route out of the file."""
    context.require(Duty.ADMINISTER)
    values = {"seen": seen, "reason": reason}
    wrong, _ = _apply(
        context, lambda text: route_form.put_route(text, key, None), values, subject=key
    )
    if wrong:
        revision = queries_routes.ROUTES.find_revision(context.connection)
        route = route_form.find_route(revision.text if revision else "", key) or {}
        return _render(context, key, route_form.fill_values(route), wrong=[wrong])
    return RedirectResponse("/admin/notifications?done=saved", status_code=303)


def _apply(
    context: RequestContext, edit: routing.Edit, values: Values, *, subject: str
) -> tuple[str, Place | None]:
    """Apply an edit; what is wrong with it, and where in the file."""
    try:
        with context.writing() as connection:
            routing.edit_routes(
                connection,
                edit,
                seen=parse_whole(values.get("seen", "")) or 0,
                author=context.person.name,
                reason=values.get("reason") or "entered in a form",
                subject=subject or "-",
            )
    except RuleError as error:
        return refusal(error.problem), error.place
    except (NotifyError, ActError) as error:
        context.connection.rollback()  # the page shows what is there now
        return refusal(error), None
    return "", None


def _build_fields() -> list[FormField]:
    return route_form.build_fields({name: translate(words) for name, words in _WORDS.items()})


def _render(  # noqa: PLR0913  what a form may show beside its fields
    context: RequestContext,
    key: str,
    values: Values,
    *,
    wrong: Sequence[str] = (),
    problems: Mapping[str, Sequence[str]] | None = None,
    back: str = "",
    spare: int = 2,
) -> Response:
    if problems:
        wrong = [translate("Some fields need another value: see beside them.")]
    revision = queries_routes.ROUTES.find_revision(context.connection)
    areas, sites, _rules = queries_routes.read_names(context.connection)
    teams = queries_routes.list_teams(context.connection)
    routes = routing.read_in_force(context.connection).routes
    fields = _build_fields()
    return render(
        context,
        "admin_route.html",
        status_code=422 if wrong else 200,
        key=key,
        back=back,
        fields=fields,
        values=values,
        problems=problems or {},
        spare=spare,
        focus=find_focus(fields, values, problems or {}),
        reason=values.get("reason", ""),
        seen=revision.id if revision else 0,
        suggestions={
            "domains": [(name, domain_label(name)) for name in alarm_domains()],
            "areas": [(name, "") for name in sorted(areas)],
            "sites": [(name, "") for name in sorted(sites)[:1_000]],
            "teams": [(name, "") for name in sorted(teams)],
            "routes": [(route.name, "") for route in routes if route.name != key],
            "days": route_form.day_names(),
        },
        **frame.admin_context(context, "notifications", wrong="; ".join(wrong)),
    )
