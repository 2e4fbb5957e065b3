"""What administration shows on all its sheets: sheets, roles, areas, accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.access import queries_roles, queries_tokens
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import AccountError
from hypervisor.access.queries import Account
from hypervisor.access.queries_tokens import Token
from hypervisor.accounts import service
from hypervisor.accounts.service import Administrator, Roles, require_administrator
from hypervisor.base.duties import Duty, Role
from hypervisor.base.person import Grant, Person, Territory
from hypervisor.base.translation import mark
from hypervisor.database.connect import Connection
from hypervisor.web.roles import ROLES

ROLE_HELP: Mapping[Role, str] = {
    Role.SOURCE: mark("a program: sends alarms of another system, and sees nothing"),
    Role.AGENT: mark("works on the orders of their own teams, and sees nothing else"),
    Role.VIEWER: mark("sees"),
    Role.PERSONAL: mark("sees personal data, such as telecare, where another role shows the place"),
    Role.OPERATOR: mark(
        "acknowledges, writes the log, hands over, enters and invalidates readings"
    ),
    Role.CONTROLLER: mark("does what operators do, commands devices and countersigns commands"),
    Role.AUTHOR: mark("changes rules and thresholds"),
    Role.ADMINISTRATOR: mark("does everything, and manages accounts, devices and works"),
}
SCOPES: Mapping[Duty, str] = {
    Duty.READ: mark("reading"),
    Duty.SEND: mark("sending alarms"),
    Duty.FIELD: mark("working in the field"),
    Duty.PERSONAL: mark("seeing personal data"),
    Duty.OPERATE: mark("operating"),
    Duty.COMMAND: mark("commanding devices"),
    Duty.COUNTERSIGN: mark("countersigning commands"),
    Duty.WRITE_RULES: mark("changing rules"),
    Duty.ADMINISTER: mark("administering"),
}
KINDS: Mapping[str, str] = {
    "departement": mark("Département"),
    "epci": mark("EPCI"),
    "commune": mark("Commune"),
}


@dataclass(frozen=True, kw_only=True)
class AdminTab:
    """A part of administration. `instance_wide`: only for administrators of the whole instance."""

    key: str
    title: str
    address: str
    instance_wide: bool = False


ADMIN_TABS = (
    AdminTab(key="accounts", title=mark("Accounts"), address="/admin"),
    AdminTab(key="tokens", title=mark("API tokens"), address="/admin/tokens"),
    AdminTab(key="sign-in", title=mark("Sign-in"), address="/admin/sign-in", instance_wide=True),
    AdminTab(key="inventory", title=mark("Inventory"), address="/admin/inventory"),
    AdminTab(key="devices", title=mark("Devices"), address="/admin/devices"),
    AdminTab(key="works", title=mark("Planned works"), address="/admin/works"),
    AdminTab(
        key="settings", title=mark("Alarm settings"), address="/admin/settings", instance_wide=True
    ),
    AdminTab(
        key="notifications",
        title=mark("Notifications"),
        address="/admin/notifications",
        instance_wide=True,
    ),
    AdminTab(
        key="sources",
        title=mark("External alarms"),
        address="/admin/sources",
        instance_wide=True,
    ),
    AdminTab(key="audit", title=mark("Audit"), address="/admin/audit"),
)
CONFIRMATIONS: Mapping[str, str] = {
    "added": mark("The account was created."),
    "changed": mark("Changed."),
    "disabled": mark("The account is disabled: its sessions have ended, its tokens are revoked."),
    "enabled": mark("The account is enabled again."),
    "revoked": mark("The token is revoked."),
    "password": mark("Your password was changed; your other sessions have ended."),
    "out": mark("The device is out of service: its readings do not count until it is back."),
    "back": mark("The device is in service."),
    "removed": mark("The account at the broker was taken away, and its connection closed."),
    "saved": mark("Saved."),
    "applied": mark("The files are applied."),
    "works": mark("The works are announced."),
    "ended": mark("The works are over."),
    "set": mark("The setting holds from now on, for all parts."),
    "retried": mark("It will be sent again."),
    "rules": mark("These rules hold from the next sign-in of each."),
}


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    """An account with its roles."""

    account: Account
    grants: tuple[Grant, ...]
    tokens: int = 0


def admin_context(
    context: RequestContext, key: str, *, done: str = "", wrong: str = ""
) -> dict[str, Any]:
    """What every sheet needs. Raises ForbiddenError: the person administers nothing."""
    require_administrator(context)
    whole = context.person.everywhere(Duty.ADMINISTER)
    return {
        "tabs": [tab for tab in ADMIN_TABS if whole or not tab.instance_wide],
        "current_tab": key,
        "done": CONFIRMATIONS.get(done, ""),
        "wrong": wrong,
        "whole": whole,
        "ROLES": ROLES,
        "ROLE_HELP": ROLE_HELP,
        "SCOPES": SCOPES,
        "KINDS": KINDS,
    }


def list_account_rows(
    connection: Connection, who: Administrator, *, now: datetime
) -> list[AccountRow]:
    """The accounts that the person administers, those in use first."""
    valid: dict[int, int] = {}
    for token in queries_tokens.list_tokens(connection):
        if is_valid(token, now):
            valid[token.account] = valid.get(token.account, 0) + 1
    rows = [
        AccountRow(
            account=account,
            grants=queries_roles.list_grants(connection, account.id),
            tokens=valid.get(account.id, 0),
        )
        for account in service.list_accounts(connection, who)
    ]
    return sorted(
        rows, key=lambda row: (row.account.disabled_at is not None, row.account.name.lower())
    )


def is_valid(token: Token, now: datetime) -> bool:
    return token.revoked_at is None and token.ends_at > now


def list_grantable_areas(
    connection: Connection, territory: Territory
) -> list[tuple[str, list[tuple[str, str]]]]:
    """(kind, areas) where the person may give roles, from the département down."""
    rows = queries_roles.list_areas(connection)
    below: dict[str, set[str]] = {code: set() for code, *_ in rows}
    parents = {code: parent for code, _, _, parent in rows}
    for code, kind, _, _ in rows:
        at: str | None = code if kind == "commune" else None
        while at is not None and at in below:
            below[at].add(code)
            at = parents[at]
    by_kind: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS}
    for code, kind, name, _ in rows:
        reach = Territory(unplaced=kind == "departement", communes=frozenset(below[code]))
        if territory.covers(reach) and not reach.empty:
            by_kind[kind].append((code, name))
    return [(kind, some) for kind, some in by_kind.items() if some]


def parse_roles(texts: Sequence[str], where: Sequence[str]) -> Roles:
    """Roles out of a form: one without a role is none.

    Raises AccountError: one of them is no role.
    """
    wrong = [text for text in texts if text and text not in set(Role)]
    if wrong:
        raise AccountError("{text!r}: expected one of {roles}", wrong[0], ", ".join(Role))
    places = [*where, *("" for _ in texts)]
    return [(Role(role), area or None) for role, area in zip(texts, places, strict=False) if role]


def list_duties(person: Person) -> list[Duty]:
    """The duties that the person has somewhere: what their tokens may be given."""
    return [duty for duty in Duty if person.may(duty)]
