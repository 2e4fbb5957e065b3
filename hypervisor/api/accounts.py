"""Accounts and roles, for whoever administers them."""

from fastapi import APIRouter

from hypervisor.accounts import administering
from hypervisor.accounts.administering import Doer, New
from hypervisor.accounts.duties import Duty, Role
from hypervisor.api.access import Access, Asked
from hypervisor.api.account_shapes import (
    AccountBody,
    AccountDetailBody,
    AccountPatch,
    AccountPost,
    AccountsBody,
    RoleBody,
)
from hypervisor.api.problems import responses
from hypervisor.store.accounts import account_roles, accounts
from hypervisor.store.accounts.accounts import Known
from hypervisor.store.connect import Connection

router = APIRouter(prefix="/accounts", tags=["accounts"])


@router.get("", responses=responses(401, 403))
def every(asked: Asked) -> AccountsBody:
    """The accounts whose roles all lie in one's own territory."""
    doer = doer_of(asked)
    with asked.owning() as connection:
        found = [_told(connection, one) for one in administering.every(connection, doer)]
    return AccountsBody(mode=asked.mode, accounts=found)


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
def add(asked: Asked, body: AccountPost) -> AccountDetailBody:
    """Make an account; a token makes none that signs in."""
    doer = doer_of(asked)
    if body.password is not None:
        asked.require_session()
    new = New(
        name=body.name,
        title=body.title,
        password=body.password,
        language=body.language,
        roles=_roles(body.roles),
    )
    with asked.writing() as connection:
        administering.add(connection, new, doer, reason=body.reason)
        told = _told(connection, accounts.named(connection, body.name.strip()))
    return AccountDetailBody(mode=asked.mode, account=told)


@router.get("/{name}", responses=responses(401, 403, 404))
def one(asked: Asked, name: str) -> AccountDetailBody:
    """One account."""
    doer = doer_of(asked)
    with asked.owning() as connection:
        told = _told(connection, administering.administered(connection, name, doer))
    return AccountDetailBody(mode=asked.mode, account=told)


@router.patch("/{name}", responses=responses(401, 403, 404, 422))
def change(asked: Asked, name: str, body: AccountPatch) -> AccountDetailBody:
    """Change an account: its words, its roles, its password; take it out of use.

    Another password, or being out of use, ends its sessions and makes its tokens void.
    """
    doer = doer_of(asked)
    if body.password is not None:
        asked.require_session()
    with asked.writing() as connection:
        known = administering.administered(connection, name, doer)
        _describe(connection, known, body, doer)
        if body.roles is not None:
            administering.set_roles(connection, name, _roles(body.roles), doer, reason=body.reason)
        if body.password is not None:
            administering.set_password(
                connection, name, body.password, doer, at=asked.clock(), reason=body.reason
            )
        if body.disabled is not None:
            at = asked.clock() if body.disabled else None
            administering.disable(connection, name, doer, at=at, reason=body.reason)
        told = _told(connection, accounts.named(connection, name))
    return AccountDetailBody(mode=asked.mode, account=told)


def _describe(connection: Connection, known: Known, body: AccountPatch, doer: Doer) -> None:
    if not body.model_fields_set & {"title", "language"}:
        return
    said = "language" in body.model_fields_set
    administering.describe(
        connection,
        known.name,
        doer,
        title=known.title if body.title is None else body.title,
        language=body.language if said else known.language,
    )


def doer_of(asked: Access) -> Doer:
    """Who administers.

    Raises:
        ForbiddenError: they administer nothing.
    """
    return Doer(name=asked.person.name, territory=asked.require_anywhere(Duty.ADMINISTER))


def _roles(bodies: list[RoleBody]) -> list[tuple[Role, str | None]]:
    return [(Role(one.role), one.area) for one in bodies]


def _told(connection: Connection, known: Known) -> AccountBody:
    return AccountBody(
        name=known.name,
        title=known.title,
        language=known.language,  # type: ignore[arg-type]  # as the table allows
        roles=[
            RoleBody(role=grant.role.value, area=grant.area, area_name=grant.area_name)
            for grant in account_roles.grants(connection, known.id)
        ],
        made_at=known.made_at,
        disabled_at=known.disabled_at,
        signed_in_at=known.signed_in_at,
        signs_in=known.signs_in,
    )
