"""Accounts and roles, for administrators."""

from fastapi import APIRouter, Response

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles
from hypervisor.access.context import ConfirmedContext, Context
from hypervisor.access.queries import Account
from hypervisor.accounts import service
from hypervisor.accounts.schemas import (
    AccountBody,
    AccountDetailBody,
    AccountPatch,
    AccountPost,
    AccountsBody,
    RoleBody,
)
from hypervisor.accounts.service import Administrator, NewAccount, require_administrator
from hypervisor.base.duties import Role
from hypervisor.base.versions import ANY
from hypervisor.database.connect import Connection
from hypervisor.web.preconditions import SeenList, read_mark, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/accounts", tags=["accounts"])
_REPLACED = {"title", "language", "roles"}  # where a change overwrites what stands


@router.get("", responses=responses(401, 403))
def list_accounts(context: Context) -> AccountsBody:
    """The accounts whose roles all lie in one's own territory."""
    administrator = require_administrator(context)
    with context.owning() as connection:
        account_bodies = [
            _account_body(connection, account)
            for account in service.list_accounts(connection, administrator)
        ]
    return AccountsBody(mode=context.mode, accounts=account_bodies)


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
def create_account(context: ConfirmedContext, body: AccountPost) -> AccountDetailBody:
    """Make an account. A token cannot."""
    administrator = require_administrator(context)
    new = NewAccount(
        name=body.name,
        title=body.title,
        password=body.password,
        language=body.language,
        roles=_parse_roles(body.roles),
    )
    with context.writing() as connection:
        service.create_account(connection, new, administrator, reason=body.reason)
        account_body = _account_body(
            connection, access_queries.get_account(connection, body.name.strip())
        )
    return AccountDetailBody(mode=context.mode, account=account_body)


@router.get("/{name}", responses=responses(401, 403, 404))
def get_account(context: Context, response: Response, name: str) -> AccountDetailBody:
    """One account."""
    administrator = require_administrator(context)
    with context.owning() as connection:
        account = service.get_administered_account(connection, name, administrator)
        tag(response, service.mark_account(connection, account))
        account_body = _account_body(connection, account)
    return AccountDetailBody(mode=context.mode, account=account_body)


@router.patch("/{name}", responses=responses(401, 403, 404, 412, 422, 428))
def update_account(
    context: ConfirmedContext,
    response: Response,
    name: str,
    body: AccountPatch,
    if_match: SeenList = None,
) -> AccountDetailBody:
    """Change an account: its words, its roles, its password; take it out of use.

    Another password, or being out of use, ends its sessions and makes its tokens void. Words and
    roles replace what stands: they need If-Match (428 without it).
    """
    administrator = require_administrator(context)
    with context.writing() as connection:
        seen = read_mark(if_match)
        if seen is None and not body.model_fields_set & _REPLACED:
            seen = ANY
        account = service.require_seen(connection, name, administrator, seen)
        _update_description(connection, account, body, administrator)
        if body.roles is not None:
            service.set_roles(
                connection, name, _parse_roles(body.roles), administrator, reason=body.reason
            )
        if body.password is not None:
            service.set_password(
                connection,
                name,
                body.password,
                administrator,
                at=context.clock(),
                reason=body.reason,
            )
        if body.disabled is not None:
            at = context.clock() if body.disabled else None
            service.set_disabled(connection, name, administrator, at=at, reason=body.reason)
        account = access_queries.get_account(connection, name)
        tag(response, service.mark_account(connection, account))
        account_body = _account_body(connection, account)
    return AccountDetailBody(mode=context.mode, account=account_body)


def _update_description(
    connection: Connection, account: Account, body: AccountPatch, administrator: Administrator
) -> None:
    if not body.model_fields_set & {"title", "language"}:
        return
    sets_language = "language" in body.model_fields_set
    service.update_description(
        connection,
        account.name,
        administrator,
        title=account.title if body.title is None else body.title,
        language=body.language if sets_language else account.language,
    )


def _parse_roles(bodies: list[RoleBody]) -> list[tuple[Role, str | None]]:
    return [(Role(role_body.role), role_body.area) for role_body in bodies]


def _account_body(connection: Connection, account: Account) -> AccountBody:
    return AccountBody(
        name=account.name,
        title=account.title,
        language=account.language,  # type: ignore[arg-type]  # as the table allows
        roles=[
            RoleBody.model_validate(grant)
            for grant in queries_roles.list_grants(connection, account.id)
        ],
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        signed_in_at=account.signed_in_at,
        signs_in=account.signs_in,
        by_provider=account.by_provider,
    )
