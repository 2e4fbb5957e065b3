"""Accounts and roles, for whoever administers them."""

from fastapi import APIRouter

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles
from hypervisor.access.context import Context
from hypervisor.access.queries import Known
from hypervisor.accounts import service
from hypervisor.accounts.schemas import (
    AccountBody,
    AccountDetailBody,
    AccountPatch,
    AccountPost,
    AccountsBody,
    RoleBody,
)
from hypervisor.accounts.service import Doer, New, doer_of
from hypervisor.base.duties import Role
from hypervisor.database.connect import Connection
from hypervisor.web.problems import responses

router = APIRouter(prefix="/accounts", tags=["accounts"])


@router.get("", responses=responses(401, 403))
def every(context: Context) -> AccountsBody:
    """The accounts whose roles all lie in one's own territory."""
    doer = doer_of(context)
    with context.owning() as connection:
        account_bodies = [_told(connection, one) for one in service.every(connection, doer)]
    return AccountsBody(mode=context.mode, accounts=account_bodies)


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
def add(context: Context, body: AccountPost) -> AccountDetailBody:
    """Make an account; a token makes none that signs in."""
    doer = doer_of(context)
    if body.password is not None:
        context.require_session()
    new = New(
        name=body.name,
        title=body.title,
        password=body.password,
        language=body.language,
        roles=_roles(body.roles),
    )
    with context.writing() as connection:
        service.add(connection, new, doer, reason=body.reason)
        account_body = _told(connection, access_queries.named(connection, body.name.strip()))
    return AccountDetailBody(mode=context.mode, account=account_body)


@router.get("/{name}", responses=responses(401, 403, 404))
def one(context: Context, name: str) -> AccountDetailBody:
    """One account."""
    doer = doer_of(context)
    with context.owning() as connection:
        told = _told(connection, service.administered(connection, name, doer))
    return AccountDetailBody(mode=context.mode, account=told)


@router.patch("/{name}", responses=responses(401, 403, 404, 422))
def change(context: Context, name: str, body: AccountPatch) -> AccountDetailBody:
    """Change an account: its words, its roles, its password; take it out of use.

    Another password, or being out of use, ends its sessions and makes its tokens void.
    """
    doer = doer_of(context)
    if body.password is not None:
        context.require_session()
    with context.writing() as connection:
        known = service.administered(connection, name, doer)
        _describe(connection, known, body, doer)
        if body.roles is not None:
            service.set_roles(connection, name, _roles(body.roles), doer, reason=body.reason)
        if body.password is not None:
            service.set_password(
                connection, name, body.password, doer, at=context.clock(), reason=body.reason
            )
        if body.disabled is not None:
            at = context.clock() if body.disabled else None
            service.disable(connection, name, doer, at=at, reason=body.reason)
        told = _told(connection, access_queries.named(connection, name))
    return AccountDetailBody(mode=context.mode, account=told)


def _describe(connection: Connection, known: Known, body: AccountPatch, doer: Doer) -> None:
    if not body.model_fields_set & {"title", "language"}:
        return
    said = "language" in body.model_fields_set
    service.describe(
        connection,
        known.name,
        doer,
        title=known.title if body.title is None else body.title,
        language=body.language if said else known.language,
    )


def _roles(bodies: list[RoleBody]) -> list[tuple[Role, str | None]]:
    return [(Role(role_body.role), role_body.area) for role_body in bodies]


def _told(connection: Connection, known: Known) -> AccountBody:
    return AccountBody(
        name=known.name,
        title=known.title,
        language=known.language,  # type: ignore[arg-type]  # as the table allows
        roles=[
            RoleBody(role=grant.role.value, area=grant.area, area_name=grant.area_name)
            for grant in queries_roles.grants(connection, known.id)
        ],
        made_at=known.made_at,
        disabled_at=known.disabled_at,
        signed_in_at=known.signed_in_at,
        signs_in=known.signs_in,
    )
