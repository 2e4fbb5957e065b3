"""Accounts and roles, given and taken by an administrator: each act with its record."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access import passwords, queries_roles, queries_sessions, queries_tokens
from hypervisor.access import queries as access_queries
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import AccountError, ForbiddenError, NoAccountError
from hypervisor.access.queries import Account
from hypervisor.base.duties import Duty, Role
from hypervisor.base.person import EVERYWHERE, Territory, together
from hypervisor.base.versions import make_mark, require_current
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from sensors._errors import Message
from sensors._foreign import ForeignError, normalise_name, read_text

_NAME = re.compile(r"[^\W_][\w.@' -]{0,99}")
_LONGEST_TITLE = 200
Roles = Sequence[tuple[Role, str | None]]


@dataclass(frozen=True, kw_only=True)
class Administrator:
    """Who administers: an author's name, and where they may. The command line may everywhere."""

    name: str
    territory: Territory = EVERYWHERE


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account to be made. `password` None: it only serves tokens, or gets one later."""

    name: str
    title: str = ""
    password: str | None = None
    language: str | None = None
    roles: Roles = ()


def create_account(
    connection: Connection, new: NewAccount, administrator: Administrator, *, reason: str = ""
) -> int:
    """Make an account; its number.

    Raises:
        AccountError: its name, password or roles cannot be these.
        ForbiddenError: a role reaches beyond the administrator's territory.
    """
    name = require_valid_name(new.name)
    if not new.roles:
        raise AccountError("give {name} a role: {roles}", name, ", ".join(Role))
    _check_language(new.language)
    queries_roles.lock_roles(connection)
    _require_within(connection, new.roles, administrator)
    hashed = None
    if new.password is not None:
        hashed = passwords.hash_password(passwords.require_strong(new.password, name=name))
    number = access_queries.insert_account(
        connection,
        name=name,
        title=_check_title(new.title) or name,
        password=hashed,
        language=new.language,
    )
    queries_roles.replace_roles(connection, number, new.roles)
    _record(
        connection,
        "account",
        name,
        administrator,
        reason or "made the account",
        {"roles": format_roles(new.roles)},
    )
    return number


def require_valid_name(name: str) -> str:
    """The name as an account keeps it. Raises AccountError: no account may have it."""
    name = normalise_name(name)
    if not _NAME.fullmatch(name):
        raise AccountError(
            "{name!r} is not a valid account name: expected up to 100 letters, digits, spaces and "
            ". - ' @, a letter or digit first",
            name,
        )
    return name


def set_roles(
    connection: Connection,
    name: str,
    roles: Roles,
    administrator: Administrator,
    *,
    reason: str = "",
) -> None:
    """Give an account these roles and no others.

    Raises:
        NoAccountError: there is none that the administrator administers.
        AccountError: the instance would be left without an administrator; or the roles follow the
            identity provider's claims.
        ForbiddenError: a role reaches beyond the administrator's territory.
    """
    queries_roles.lock_roles(connection)
    account = get_administered_account(connection, name, administrator)
    if account.by_provider:
        raise AccountError(
            "the roles of {code} follow the identity provider's claims: change them there, or the "
            "sign-in rules",
            account.name,
        )
    before = queries_roles.list_roles(connection, account.id)
    _require_within(connection, roles, administrator)
    queries_roles.replace_roles(connection, account.id, roles)
    _require_remaining_administrator(connection, before=before)
    _record(
        connection,
        "account-roles",
        account.name,
        administrator,
        reason or "changed the roles",
        {"before": format_roles(before), "after": format_roles(roles)},
    )


def mark_account(connection: Connection, account: Account) -> str:
    """What becomes another with each change of its words, roles or use."""
    roles = sorted(map(repr, queries_roles.list_roles(connection, account.id)))
    return make_mark((account.title, account.language, roles, account.disabled_at))


def require_seen(
    connection: Connection, name: str, administrator: Administrator, seen: str | None
) -> Account:
    """The account, locked. `seen`: the mark of what the person changes.

    Raises:
        NoAccountError: there is none that the administrator administers.
        UnseenError: they do not say what they saw (None).
        ConflictError: somebody changed it meanwhile.
    """
    queries_roles.lock_roles(connection)
    account = get_administered_account(connection, name, administrator)
    current = mark_account(connection, account)
    require_current(seen, current, Message("account {name!r}", account.name))
    return account


def _check_title(title: str) -> str:
    try:
        return read_text(title.strip(), longest=_LONGEST_TITLE) if title.strip() else ""
    except ForeignError as error:
        raise AccountError("the name that people read: {problem}", error) from error


def update_description(
    connection: Connection,
    name: str,
    administrator: Administrator,
    *,
    title: str,
    language: str | None,
) -> None:
    """Change what people read, and the language that it begins in.

    Raises NoAccountError: there is none that the administrator administers.
    """
    _check_language(language)
    account = get_administered_account(connection, name, administrator)
    # That of the identity provider's accounts follows its claims.
    title = account.title if account.by_provider else _check_title(title) or name
    access_queries.update_account(connection, account.id, title=title, language=language)
    details = {"title": title, "language": language}
    _record(connection, "account", account.name, administrator, "changed the description", details)


def set_password(  # noqa: PLR0913  what an act on an account is
    connection: Connection,
    name: str,
    password: str,
    administrator: Administrator,
    *,
    at: datetime,
    reason: str = "",
) -> None:
    """Give an account another password: its sessions end and its tokens are void from `at` on.

    Raises:
        NoAccountError: there is none that the administrator administers.
        AccountError: the password may not be taken; or they sign in with the identity provider.
    """
    account = get_administered_account(connection, name, administrator)
    if account.by_provider:
        raise AccountError(
            "{code} signs in with the identity provider: no password is kept here", account.name
        )
    passwords.require_strong(password, name=account.name)
    access_queries.set_password(connection, account.id, passwords.hash_password(password))
    ended = end_credentials(connection, account.id, at)
    _record(
        connection, "password", account.name, administrator, reason or "set the password", ended
    )


def set_disabled(
    connection: Connection,
    name: str,
    administrator: Administrator,
    *,
    at: datetime | None,
    reason: str = "",
) -> None:
    """Take an account out of use, or into it (at: None).

    Out of use its sessions end and its tokens are void for good: in use again, it makes others.

    Raises:
        NoAccountError: there is none that the administrator administers.
        AccountError: the instance would be left without an administrator.
    """
    queries_roles.lock_roles(connection)
    account = get_administered_account(connection, name, administrator)
    access_queries.set_disabled(connection, account.id, at)
    ended: Mapping[str, object] = {}
    if at is not None:
        ended = end_credentials(connection, account.id, at)
        _require_remaining_administrator(
            connection, before=queries_roles.list_roles(connection, account.id)
        )
    kind = "account-enabled" if at is None else "account-disabled"
    words = "took it into use again" if at is None else "took it out of use"
    _record(connection, kind, account.name, administrator, reason or words, ended)


def end_credentials(connection: Connection, account: int, at: datetime) -> Mapping[str, object]:
    """Let nothing in any more that was shown until now; how much that was."""
    return {
        "sessions": queries_sessions.delete_sessions(connection, account),
        "tokens": queries_tokens.revoke_tokens(connection, account, at),
    }


def get_administered_account(
    connection: Connection, name: str, administrator: Administrator
) -> Account:
    """An account that the administrator administers: all its roles lie within their territory.

    Raises NoAccountError: there is none; another's is as if it did not exist.
    """
    account = access_queries.get_account(connection, name)
    if not _administers(connection, account, administrator):
        raise NoAccountError("no account is named {name!r}", name)
    return account


def list_accounts(connection: Connection, administrator: Administrator) -> list[Account]:
    """The accounts that the administrator administers."""
    return [
        account
        for account in access_queries.list_accounts(connection)
        if _administers(connection, account, administrator)
    ]


def _administers(connection: Connection, account: Account, administrator: Administrator) -> bool:
    if administrator.territory.whole:
        return True
    held = [grant.territory for grant in queries_roles.list_grants(connection, account.id)]
    return bool(held) and administrator.territory.covers(together(held))


def _require_within(connection: Connection, roles: Roles, administrator: Administrator) -> None:
    for role, area in roles:
        if not administrator.territory.covers(queries_roles.get_territory(connection, area)):
            where = Message("the whole instance")
            if area is not None:
                where = Message("area {area!r}", area)
            raise ForbiddenError(
                "{administrator} cannot give the role {role} for {where}:"
                " it reaches beyond their own",
                administrator.name,
                role,
                where,
            )


def _require_remaining_administrator(connection: Connection, *, before: Roles) -> None:
    if (Role.ADMINISTRATOR, None) in before and not queries_roles.count_administrators(connection):
        raise AccountError("the instance would have no administrator left: appoint another first")


def _check_language(language: str | None) -> None:
    if language not in {None, "fr", "en"}:
        raise AccountError("language {language!r}: expected fr or en", language)


def format_roles(roles: Roles) -> list[str]:
    return [str(role) if area is None else f"{role} of {area}" for role, area in roles]


def _record(  # noqa: PLR0913, PLR0917  what an audit has to say
    connection: Connection,
    kind: str,
    subject: str,
    administrator: Administrator,
    reason: str,
    details: Mapping[str, object],
) -> None:
    audit.record(
        connection,
        kind=kind,
        subject=subject,
        reason=reason,
        author=administrator.name,
        details=details,
    )


def require_administrator(context: RequestContext) -> Administrator:
    """Who administers. Raises ForbiddenError: they administer nothing."""
    return Administrator(
        name=context.person.name, territory=context.require_anywhere(Duty.ADMINISTER)
    )
