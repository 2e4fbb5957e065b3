"""Second factors: enrolled, shown at sign-in and to confirm, required by role; all recorded."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypervisor.access import (
    passwords,
    queries,
    queries_factors,
    queries_sessions,
    secrets,
    service,
    throttle,
    totp,
)
from hypervisor.access.errors import AccountError, UnauthenticatedError
from hypervisor.access.service import Transaction, Visit
from hypervisor.base.duties import Role
from hypervisor.base.person import Person
from hypervisor.database import audit
from hypervisor.database.connect import Connection

RECOVERY_CODES = 10
ENROLLING_FOR = timedelta(minutes=10)
ENROL_TOTP = "enrol totp"


def check_code(writing: Transaction, person: Person, code: str, *, now: datetime) -> str:
    """What kind of factor a code shows; it is void from now on.

    The failure is counted before the code is looked at, so that many tries at once are many.

    Raises:
        AccountError: it is wrong, or was used before.
        TooManyAttemptsError: it was tried too often.
    """
    limits = throttle.build_factor_limits(person.account)
    with writing() as connection:
        service.count_attempt(connection, limits, now)
    with writing() as connection:
        kind = _use_code(connection, person.account, code, now)
        if kind is None:
            record(connection, person.name, "showed a wrong code", person.name)
        else:
            service.forgive_attempt(connection, limits)
    if kind is None:
        raise AccountError("the code is wrong, or was used before: wait for the next one")
    return kind


def _use_code(connection: Connection, account: int, code: str, now: datetime) -> str | None:
    text = "".join(code.split()).replace("-", "")
    key = queries_factors.find_totp(connection, account)
    if len(text) == totp.DIGITS:
        step = None if key is None else totp.find_step(key, text, now)
        used = step is not None and queries_factors.use_totp(connection, account, step=step)
        return "totp" if used else None
    digest = secrets.digest(text.lower())
    used = queries_factors.use_recovery_code(connection, account, digest, now)
    return "recovery code" if used else None


def confirm(  # noqa: PLR0913  what a proof is
    writing: Transaction, person: Person, *, password: str, code: str, address: str, now: datetime
) -> None:
    """Prove in this session who one is: with the second factor, where the account has one.

    Raises as `check_code`; AccountError: the password is wrong.
    """
    with writing() as connection:
        has_factor = bool(queries_factors.list_factors(connection, person.account))
    if not has_factor:
        service.confirm_by_password(writing, person, password=password, address=address, now=now)
        return
    kind = check_code(writing, person, code, now=now)
    with writing() as connection:
        show_factor(connection, person, kind, now=now)


def show_factor(connection: Connection, person: Person, kind: str, *, now: datetime) -> None:
    """A factor was shown in this session, which thereby proves who they are."""
    queries_sessions.set_factor(connection, person.session, kind)
    service.confirm_session(connection, person, by=kind, at=now)


def finish_sign_in(
    connection: Connection, person: Person, kind: str, visit: Visit, *, now: datetime
) -> str:
    """Open the session that waited for a factor of this kind; what the browser shows from now on.

    Raises UnauthenticatedError: it is over, or another request has opened it.
    """
    queries.lock_account(connection, person.account)
    if not queries_sessions.is_awaiting(connection, person.session):
        raise UnauthenticatedError("the session is over: sign in again")
    return service.open_session(
        connection,
        person.account,
        person.name,
        visit,
        now=now,
        confirmed_at=now,
        factor=kind,
        succeeds=person.session,
    )


def sign_in_by_code(
    writing: Transaction, person: Person, code: str, visit: Visit, *, now: datetime
) -> str:
    """Open the session that waited; what the browser shows from now on. Raises as `check_code`."""
    kind = check_code(writing, person, code, now=now)
    with writing() as connection:
        return finish_sign_in(connection, person, kind, visit, now=now)


def sign_in_by_enrolment(
    writing: Transaction, person: Person, code: str, visit: Visit, *, now: datetime
) -> tuple[str, list[str]]:
    """The same with the authenticator that the account must have; its recovery codes, too.

    Raises as `enrol_totp`.
    """
    with writing() as connection:
        queries.lock_account(connection, person.account)
        if queries_factors.list_factors(connection, person.account):
            raise AccountError("this account has a second factor already: sign in again")
        codes = enrol_totp(connection, person, code, now=now)
        return finish_sign_in(connection, person, "totp", visit, now=now), codes


def begin_totp(connection: Connection, session: bytes, now: datetime) -> None:
    """Make a key that this session may enrol."""
    queries_factors.put_challenge(connection, session, ENROL_TOTP, totp.generate_key(), now)


def find_totp_key(connection: Connection, session: bytes | None, now: datetime) -> bytes | None:
    """The key that this session may enrol."""
    since = now - ENROLLING_FOR
    return queries_factors.find_challenge(connection, session, ENROL_TOTP, since=since)


def enrol_totp(connection: Connection, person: Person, code: str, *, now: datetime) -> list[str]:
    """Take the authenticator that shows this code; the account's new recovery codes.

    Other sessions end. Raises AccountError: the code is wrong, or the key was made too long ago.
    """
    key = find_totp_key(connection, person.session, now)
    if key is None:
        raise AccountError("this key is no longer valid: begin again")
    step = totp.find_step(key, "".join(code.split()), now)
    if step is None:
        raise AccountError("the code does not fit this key: check the clock of the device")
    queries_factors.take_challenge(connection, person.session, ENROL_TOTP, since=now)
    queries_factors.put_totp(connection, person.account, key, step=step, at=now)
    return add_factor(connection, person, "totp")


def add_factor(connection: Connection, person: Person, kind: str) -> list[str]:
    """Record a factor that was just enrolled, and shown; the account's new recovery codes."""
    queries_sessions.set_factor(connection, person.session, kind)
    ended = queries_sessions.delete_sessions(connection, person.account, but=person.session)
    record(connection, person.name, "added a second factor", person.name, kind=kind, sessions=ended)
    return renew_recovery_codes(connection, person)


def renew_recovery_codes(connection: Connection, person: Person) -> list[str]:
    """Other recovery codes, which are shown once; those before are void."""
    codes = [passwords.generate_recovery_code() for _ in range(RECOVERY_CODES)]
    digests = [secrets.digest(code.replace("-", "")) for code in codes]
    queries_factors.replace_recovery_codes(connection, person.account, digests)
    record(connection, person.name, "made recovery codes", person.name, count=len(codes))
    return codes


def remove_own_factors(connection: Connection, person: Person) -> None:
    """Take the factors from one's own account; other sessions end.

    Raises AccountError: one of its roles asks for a factor.
    """
    if queries_factors.must_have_factor(connection, person.account):
        raise AccountError("your role asks for a second factor: replace it instead")
    kinds = queries_factors.delete_factors(connection, person.account)
    ended = queries_sessions.delete_sessions(connection, person.account, but=person.session)
    record(
        connection,
        person.name,
        "removed the second factors",
        person.name,
        kinds=kinds,
        sessions=ended,
    )


def remove_lost_factors(
    connection: Connection, name: str, *, author: str, reason: str = ""
) -> list[str]:
    """Take the factors from somebody's account, all of whose sessions end; what they were.

    Raises NoAccountError: there is none of that name.
    """
    account = queries.get_account(connection, name)
    kinds = queries_factors.delete_factors(connection, account.id)
    ended = queries_sessions.delete_sessions(connection, account.id)
    record(
        connection,
        account.name,
        reason or "removed the second factors",
        author,
        kinds=kinds,
        sessions=ended,
    )
    return kinds


def require_by_role(
    connection: Connection, roles: Sequence[Role], *, author: str, reason: str, now: datetime
) -> None:
    """Let these roles and no others ask for a second factor, from the next sign-in of each."""
    before = queries_factors.list_required_roles(connection)
    queries_factors.require_factor(connection, roles, at=now, author=author)
    record(
        connection,
        "",
        reason or "changed which roles ask for a second factor",
        author,
        before=sorted(before),
        after=sorted(set(roles)),
    )


def record(
    connection: Connection, subject: str, reason: str, author: str, **details: object
) -> None:
    audit.record(
        connection,
        kind="second-factor",
        subject=subject,
        reason=reason,
        author=author,
        details=details,
    )
