"""Accounts and roles, given and taken by an administrator: each act with its record."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access import passwords, queries_roles, queries_sessions, queries_tokens
from hypervisor.access import queries as access_queries
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import AccountError, ForbiddenError, NoAccountError
from hypervisor.access.queries import Known
from hypervisor.base.duties import Duty, Role
from hypervisor.base.person import EVERYWHERE, Territory, together
from hypervisor.database import audit
from hypervisor.database.connect import Connection

_NAME = re.compile(r"[^\W_][\w.@' -]{0,99}")
Roles = Sequence[tuple[Role, str | None]]


@dataclass(frozen=True, kw_only=True)
class Doer:
    """Who administers: an author's name, and where they may. The command line may everywhere."""

    name: str
    territory: Territory = EVERYWHERE


@dataclass(frozen=True, kw_only=True)
class New:
    """An account to be made. `password` None: it only serves tokens, or gets one later."""

    name: str
    title: str = ""
    password: str | None = None
    language: str | None = None
    roles: Roles = ()


def add(connection: Connection, new: New, doer: Doer, *, reason: str = "") -> int:
    """Make an account; its number.

    Raises:
        AccountError: its name, password or roles cannot be these.
        ForbiddenError: a role reaches beyond the doer's territory.
    """
    name = new.name.strip()
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"{name!r} is no account's name: expected up to 100 letters, digits, spaces and"
            " . - ' @,"
            " a letter or digit first"
        )
    if not new.roles:
        raise AccountError(f"say what {name} is: {', '.join(Role)}")
    _language(new.language)
    queries_roles.lock(connection)
    _require_within(connection, new.roles, doer)
    hashed = None
    if new.password is not None:
        hashed = passwords.hashed(passwords.checked(new.password, name=name))
    number = access_queries.add(
        connection,
        name=name,
        title=new.title.strip() or name,
        password=hashed,
        language=new.language,
    )
    queries_roles.give(connection, number, new.roles)
    _record(
        connection, "account", name, doer, reason or "made the account", {"roles": _told(new.roles)}
    )
    return number


def set_roles(
    connection: Connection, name: str, roles: Roles, doer: Doer, *, reason: str = ""
) -> None:
    """Give an account these roles and no others.

    Raises:
        NoAccountError: there is none that the doer administers.
        AccountError: the instance would be left without an administrator.
        ForbiddenError: a role reaches beyond the doer's territory.
    """
    queries_roles.lock(connection)
    found = administered(connection, name, doer)
    before = queries_roles.held(connection, found.id)
    _require_within(connection, roles, doer)
    queries_roles.give(connection, found.id, roles)
    _require_administrator(connection, before=before)
    _record(
        connection,
        "account-roles",
        found.name,
        doer,
        reason or "changed the roles",
        {"before": _told(before), "after": _told(roles)},
    )


def describe(
    connection: Connection, name: str, doer: Doer, *, title: str, language: str | None
) -> None:
    """Change what people read, and the language that it begins in.

    Raises:
        NoAccountError: there is none that the doer administers.
    """
    _language(language)
    found = administered(connection, name, doer)
    access_queries.describe(connection, found.id, title=title.strip() or name, language=language)
    details = {"title": title.strip() or name, "language": language}
    _record(connection, "account", found.name, doer, "changed the description", details)


def set_password(  # noqa: PLR0913  what an act on an account is
    connection: Connection,
    name: str,
    password: str,
    doer: Doer,
    *,
    at: datetime,
    reason: str = "",
) -> None:
    """Give an account another password: its sessions end and its tokens are void from `at` on.

    Raises:
        NoAccountError: there is none that the doer administers.
        AccountError: the password may not be taken.
    """
    found = administered(connection, name, doer)
    passwords.checked(password, name=found.name)
    access_queries.set_password(connection, found.id, passwords.hashed(password))
    ended = _end(connection, found.id, at)
    _record(connection, "password", found.name, doer, reason or "set the password", ended)


def disable(
    connection: Connection, name: str, doer: Doer, *, at: datetime | None, reason: str = ""
) -> None:
    """Take an account out of use, or into it (at: None).

    Out of use its sessions end and its tokens are void for good: in use again, it makes others.

    Raises:
        NoAccountError: there is none that the doer administers.
        AccountError: the instance would be left without an administrator.
    """
    queries_roles.lock(connection)
    found = administered(connection, name, doer)
    access_queries.disable(connection, found.id, at)
    ended: Mapping[str, object] = {}
    if at is not None:
        ended = _end(connection, found.id, at)
        _require_administrator(connection, before=queries_roles.held(connection, found.id))
    kind = "account-enabled" if at is None else "account-disabled"
    words = "took it into use again" if at is None else "took it out of use"
    _record(connection, kind, found.name, doer, reason or words, ended)


def _end(connection: Connection, account: int, at: datetime) -> Mapping[str, object]:
    """Let nothing in any more that was shown until now; how much that was."""
    return {
        "sessions": queries_sessions.close_all(connection, account),
        "tokens": queries_tokens.revoke_all(connection, account, at),
    }


def administered(connection: Connection, name: str, doer: Doer) -> Known:
    """An account that the doer administers: all its roles lie within their territory.

    Raises:
        NoAccountError: there is none; another's is as if it did not exist.
    """
    found = access_queries.named(connection, name)
    if not _administers(connection, found, doer):
        raise NoAccountError(f"no account is named {name!r}")
    return found


def every(connection: Connection, doer: Doer) -> list[Known]:
    """The accounts that the doer administers."""
    return [one for one in access_queries.every(connection) if _administers(connection, one, doer)]


def _administers(connection: Connection, known: Known, doer: Doer) -> bool:
    if doer.territory.whole:
        return True
    held = [grant.territory for grant in queries_roles.grants(connection, known.id)]
    return bool(held) and doer.territory.covers(together(held))


def _require_within(connection: Connection, roles: Roles, doer: Doer) -> None:
    for role, area in roles:
        if not doer.territory.covers(queries_roles.territory(connection, area)):
            where = "the whole instance" if area is None else f"area {area}"
            raise ForbiddenError(
                f"{doer.name} may not make anybody {role} of {where}: it reaches beyond their own"
            )


def _require_administrator(connection: Connection, *, before: Roles) -> None:
    if (Role.ADMINISTRATOR, None) in before and not queries_roles.administrators(connection):
        raise AccountError(
            "nobody would be left who administers the whole instance: name another one first"
        )


def _language(language: str | None) -> None:
    if language not in {None, "fr", "en"}:
        raise AccountError(f"language {language!r}: expected fr or en")


def _told(roles: Roles) -> list[str]:
    return [str(role) if area is None else f"{role} of {area}" for role, area in roles]


def _record(  # noqa: PLR0913, PLR0917  what an audit has to say
    connection: Connection,
    kind: str,
    subject: str,
    doer: Doer,
    reason: str,
    details: Mapping[str, object],
) -> None:
    audit.record(
        connection, kind=kind, subject=subject, reason=reason, author=doer.name, details=details
    )


def doer_of(context: RequestContext) -> Doer:
    """Who administers.

    Raises:
        ForbiddenError: they administer nothing.
    """
    return Doer(name=context.person.name, territory=context.require_anywhere(Duty.ADMINISTER))
