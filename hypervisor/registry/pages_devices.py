"""Administration of devices: service and broker accounts."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts
from hypervisor.broker.errors import StackError
from hypervisor.database import audit
from hypervisor.registry import views_devices as view
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.revisions import Stamp
from hypervisor.web import once
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
Name = Annotated[str, Path(max_length=200)]
Text = Annotated[str, Form(max_length=1_000)]


@router.get("/admin/devices")
def list_devices(
    context: Context,
    request: Request,
    q: Annotated[str, Query(max_length=200)] = "",
    only: Annotated[str, Query(max_length=20)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Devices that are not retired."""
    return once.page(
        context,
        lambda secret: _render_list(context, request, q=q, only=only, done=done, secret=secret),
    )


@router.post("/admin/devices/{name}/service")
def set_service(
    context: Context, request: Request, name: Name, back: Text = "", reason: Text = ""
) -> Response:
    """Take a device out of service, or back."""
    context.require(Duty.ADMINISTER, subject=f"device/{name}")
    now = context.now()
    if not reason.strip():
        return _render_list(context, request, q=name, wrong="say why, in a few words")
    try:
        with context.writing() as connection:
            apply_steps(
                connection,
                lambda _: [view.service_change(name, back=bool(back), at=now)],
                stamp=Stamp(author=context.person.name, reason=reason, now=now),
                act=Act(kind="service", subject=f"device/{name}"),
            )
    except TerritoryError as error:
        return _render_list(context, request, q=name, wrong=refusal(error))
    done = "back" if back else "out"
    return RedirectResponse(f"/admin/devices?q={name}&done={done}", status_code=303)


@router.post("/admin/devices/{name}/account")
def change_account(
    context: Context, request: Request, name: Name, does: Text = "add", reason: Text = ""
) -> Response:
    """Create, rotate or delete a device's account; a new password is shown once."""
    context.require(Duty.ADMINISTER, subject=f"device/{name}")
    drop: frozenset[str] = frozenset()
    passwords: dict[str, str] = {}
    try:
        broker = view.require_broker(_settings(request))
        if does == "remove":
            accounts.require_account(broker, name)
            drop = frozenset({name})
        elif does == "rotate":
            passwords = accounts.next_password(broker, name)
        else:
            passwords = accounts.first_password(broker, name, view.load_gateways(context))
        accounts.change(broker, put=passwords, drop=drop)
    except (StackError, OSError) as error:
        return _render_list(context, request, q=name, wrong=refusal(error))
    with context.writing() as connection:
        audit.record(
            connection,
            kind="device-account",
            subject=f"device/{name}",
            reason=reason.strip() or _WORDS.get(does, _WORDS["add"]),
            author=context.person.name,
            details={"does": does if does in _WORDS else "add"},
        )
    if drop:
        return RedirectResponse(f"/admin/devices?q={name}&done=removed", status_code=303)
    return once.leads_to(
        context, f"/admin/devices?q={name}", {"name": name, "password": passwords[name]}
    )


_WORDS = {
    "add": "gave it an account",
    "rotate": "gave it another password",
    "remove": "took its account away",
}


def _settings(request: Request) -> Settings | None:
    settings: Settings | None = getattr(request.app.state, "settings", None)
    return settings


def _render_list(  # noqa: PLR0913  what the page shows
    context: RequestContext,
    request: Request,
    *,
    q: str = "",
    only: str = "",
    done: str = "",
    wrong: str = "",
    secret: Mapping[str, str] | None = None,
) -> Response:
    shared = frame.admin_context(context, "devices", done=done, wrong=wrong)
    return render(
        context,
        "admin_devices.html",
        status_code=422 if wrong else 200,
        page=view.load_page(context, _settings(request), words=q, narrowed=only),
        q=q,
        only=only,
        secret=secret or {},
        **shared,
    )
