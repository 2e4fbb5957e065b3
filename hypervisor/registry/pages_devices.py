"""Administration of devices: service and broker accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.settings import Settings
from hypervisor.base.translation import translate
from hypervisor.broker import accounts
from hypervisor.broker.errors import StackError
from hypervisor.database import audit
from hypervisor.database.connect import StoreError
from hypervisor.registry import queries_devices, queries_tables
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.model import Gateway
from hypervisor.registry.queries_devices import DeviceRow
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.tree import Where
from hypervisor.web import once
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from hypervisor.web.request import get_settings
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
SHOWN = 100
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
        return _render_list(context, request, q=name, wrong=translate("give a reason"))
    try:
        with context.writing() as connection:
            apply_steps(
                connection,
                lambda _: [_change_service(name, back=bool(back), at=now)],
                stamp=Stamp(author=context.person.name, reason=reason, now=now),
                act=Act(kind="service", subject=f"device/{name}"),
            )
    except TerritoryError as error:
        return _render_list(context, request, q=name, wrong=refusal(error))
    done = "back" if back else "out"
    return RedirectResponse(f"/admin/devices?q={name}&done={done}", status_code=303)


@router.post("/admin/devices/{name}/account")
def change_account(  # noqa: PLR0913, PLR0917  the fields of the form
    context: ConfirmedContext,
    request: Request,
    name: Name,
    does: Text = "add",
    reason: Text = "",
    back: Text = "",
) -> Response:
    """Create, rotate or delete a device's account; a new password is shown once.

    `back`: `now` where the form stood among the first steps.
    """
    subject = None if name in _list_gateways(context) else f"device/{name}"
    context.require(Duty.ADMINISTER, subject=subject)  # a gateway is of the whole instance
    drop: frozenset[str] = frozenset()
    passwords: dict[str, str] = {}
    try:
        store = accounts.open_accounts(get_settings(request))
        if does == "remove":
            accounts.require_account(store, name)
            drop = frozenset({name})
        elif does == "rotate":
            passwords = accounts.next_password(store, name)
        else:
            passwords = accounts.first_password(store, name, _load_gateways(context))
        store.change(put=passwords, drop=drop)
    except (StackError, StoreError, OSError) as error:
        return _render_list(context, request, q=name, wrong=refusal(error))
    with context.writing() as connection:
        audit.record(
            connection,
            kind="device-account",
            subject=subject or f"gateway/{name}",
            reason=reason.strip() or _WORDS.get(does, _WORDS["add"]),
            author=context.person.name,
            details={"does": does if does in _WORDS else "add"},
        )
    if drop:
        return RedirectResponse(f"/admin/devices?q={name}&done=removed", status_code=303)
    address = "/now" if back == "now" else f"/admin/devices?q={name}"
    return once.leads_to(context, address, {"name": name, "password": passwords[name]})


_WORDS = {
    "add": "gave it an account",
    "rotate": "gave it another password",
    "remove": "took its account away",
}


@dataclass(frozen=True, kw_only=True)
class DeviceWithAccount:
    """`account` None: the broker's accounts cannot be read from here."""

    device: DeviceRow
    account: bool | None

    @property
    def lacking(self) -> bool:
        """It connects by itself and has no account."""
        return self.account is False and self.device.gateway is None

    def matches(self, words: Iterable[str]) -> bool:
        """Whether its name, site or model has all the words."""
        text = f"{self.device.name} {self.device.site_title} {self.device.model or ''}".lower()
        return all(word in text for word in words)


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
    """The devices in use that match the search, with their accounts."""
    names, unreachable = _load_accounts(get_settings(request))
    rows = [
        DeviceWithAccount(device=device, account=None if names is None else device.name in names)
        for device in queries_devices.list_devices_in_use(context.connection, context.now())
    ]
    lacking = [row for row in rows if row.lacking]
    out = [row for row in rows if not row.device.in_service]
    selected = {"lacking": lacking, "out": out}.get(only, rows)
    matches = [row for row in selected if row.matches(q.lower().split())]
    shared = frame.admin_context(context, "devices", done=done, wrong=wrong)
    return render(
        context,
        "admin_devices.html",
        status_code=422 if wrong else 200,
        rows=matches[:SHOWN],
        of=len(matches),
        lacking=len(lacking),
        out=len(out),
        unreachable=unreachable,
        q=q,
        only=only,
        secret=secret or {},
        **shared,
    )


def _load_accounts(settings: Settings) -> tuple[frozenset[str] | None, str]:
    try:
        rows = accounts.list_accounts(accounts.open_accounts(settings), {})
    except (StackError, StoreError, OSError) as error:
        return None, refusal(error)
    return frozenset(row.name for row in rows if row.account), ""


def _load_gateways(context: RequestContext) -> Mapping[str, str | None]:
    """Gateways and devices in use -> the gateway that publishes for a device."""
    return dict.fromkeys(_list_gateways(context)) | {
        device.name: device.gateway
        for device in queries_devices.list_devices_in_use(context.connection, context.now())
    }


def _list_gateways(context: RequestContext) -> list[str]:
    return [gateway.name for gateway in queries_tables.list_things(context.connection, Gateway)]


def _change_service(name: str, *, back: bool, at: datetime | None) -> Inventory:
    """The change that takes a device out of service or back."""
    where = Where(file="administration", line=0)
    fact = Fact(kind="device", key=name, value={"in_service": back}, where=where, effective=at)
    return Inventory(facts=(fact,))
