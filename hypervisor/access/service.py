"""Signing in and out, one's own password and tokens: each written with its record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access import (
    passwords,
    queries,
    queries_attempts,
    queries_factors,
    queries_sessions,
    queries_tokens,
    secrets,
    throttle,
)
from hypervisor.access.errors import (
    AccountError,
    NoAccountError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from hypervisor.access.identity import IDLE_TIMEOUT, SESSION_LIFETIME
from hypervisor.access.queries_sessions import Session
from hypervisor.base.duties import Duty
from hypervisor.base.person import Person
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from sensors._errors import Message
from sensors._foreign import ForeignError, read_text

MAX_TOKEN_LIFETIME = timedelta(days=730)
LONGEST_PURPOSE = 100  # characters of a token's name
MAX_TOKENS = 100  # valid ones of an account
AWAITING_FOR = timedelta(minutes=10)  # to show a second factor, or to enrol one
MAX_SESSIONS = 50  # of an account: one more ends the one that was seen least lately
Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A browser at the door. `earlier`: the session that it still shows."""

    address: str
    browser: str = ""
    earlier: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class SignInAttempt(Visit):
    """Somebody with a password."""

    name: str
    password: str


@dataclass(frozen=True, kw_only=True)
class OpenedSession:
    """What the browser shows from now on; `awaits`: a `factor` or an `enrolment` before all."""

    secret: str
    awaits: str | None = None


def sign_in(
    writing: Transaction,
    attempt: SignInAttempt,
    *,
    now: datetime,
) -> OpenedSession:
    """Open a session, which waits where the account has a second factor, or must have one.

    The failure is counted before the password is looked at, so that many tries at once are many.

    Raises:
        TooManyAttemptsError: it was tried too often.
        UnauthenticatedError: the name or the password is wrong; which, is not said.
    """
    with writing() as connection:
        count_attempt(connection, throttle.build_limits(attempt.name, attempt.address), now)
        credentials = queries.find_password_hash(connection, attempt.name.strip())
    number, kept = credentials or (0, None)
    if not passwords.verify(kept, attempt.password) or credentials is None:
        raise UnauthenticatedError("the name or the password is wrong")
    with writing() as connection:
        # Meanwhile the account may have been given another password, or taken out of use.
        queries.lock_account(connection, number)
        person = queries.get_person(connection, number)
        if credentials != queries.find_password_hash(connection, attempt.name.strip()):
            raise UnauthenticatedError("the name or the password is wrong")
        _forgive_attempt(connection, attempt)
        if kept is not None and passwords.needs_rehash(kept):
            queries.set_password(connection, number, passwords.hash_password(attempt.password))
        awaits = find_missing_factor(connection, number)
        secret = open_session(
            connection, number, person.name, attempt, now=now, confirmed_at=now, awaits=awaits
        )
    return OpenedSession(secret=secret, awaits=awaits)


def find_missing_factor(connection: Connection, account: int) -> str | None:
    """What a sign-in still needs: a `factor`, its `enrolment`, or (None) nothing."""
    if queries_factors.list_factors(connection, account):
        return "factor"
    return "enrolment" if queries_factors.must_have_factor(connection, account) else None


def count_attempt(
    connection: Connection, limits: Mapping[str, throttle.Limit], now: datetime
) -> None:
    """Count a try that may fail. Raises TooManyAttemptsError: it has to wait."""
    failures = queries_attempts.lock_failures(connection, list(limits))
    left = throttle.remaining_wait(limits, failures, now)
    if left > timedelta(0):
        raise TooManyAttemptsError(
            "too many failed sign-ins: wait {span}, then try again",
            _format_wait(left),
            seconds=left.total_seconds(),
        )
    over = now - throttle.FORGET_AFTER
    queries_attempts.count_failure(connection, list(limits), now, over=over)


def _forgive_attempt(connection: Connection, attempt: SignInAttempt) -> None:
    """The sign-in that was counted did not fail."""
    address = throttle.address_key(attempt.address)
    limits = throttle.build_limits(attempt.name, attempt.address)
    forgive_attempt(connection, [key for key in limits if key != address])
    queries_attempts.uncount_failure(connection, address)


def forgive_attempt(connection: Connection, keys: Iterable[str]) -> None:
    """What was counted by these did not fail."""
    queries_attempts.clear_failures(connection, list(keys))


def open_session(  # noqa: PLR0913  what a session is
    connection: Connection,
    account: int,
    name: str,
    visit: Visit,
    *,
    now: datetime,
    confirmed_at: datetime | None,
    factor: str | None = None,
    awaits: str | None = None,
    succeeds: bytes | None = None,
    reason: str = "signed in",
    **details: object,
) -> str:
    """Open a session of an account, in place of the browser's earlier one; its secret.

    `confirmed_at`: when they proved who they are; None: that is not known. `factor`: the second
    factor that they showed. `awaits`: what it needs before it opens anything. `succeeds`: the
    session that waited.
    """
    secret = secrets.generate_session()
    session = Session(
        secret=secrets.digest(secret),
        account=account,
        created_at=now,
        seen_at=now,
        ends_at=now + (SESSION_LIFETIME if awaits is None else AWAITING_FOR),
        address=visit.address,
        browser=visit.browser[:200],
        confirmed_at=confirmed_at,
        factor=factor,
        awaits=awaits,
    )
    if visit.earlier is not None and visit.earlier != succeeds:
        queries_sessions.delete_session(connection, visit.earlier)
    queries_sessions.delete_expired(connection, now=now, idle=IDLE_TIMEOUT)
    queries_sessions.keep_latest_sessions(connection, account, latest=MAX_SESSIONS - 1)
    queries_sessions.insert_session(connection, session)
    if succeeds is not None:
        queries_sessions.succeed_session(connection, succeeds, session.secret)
    if awaits is not None:
        return secret
    queries.record_sign_in(connection, account, now)
    audit.record(
        connection,
        kind="sign-in",
        subject=name,
        reason=reason,
        author=name,
        details={"address": visit.address, **({"factor": factor} if factor else {}), **details},
    )
    return secret


def _format_wait(left: timedelta) -> str:
    seconds = max(1, round(left.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def sign_out(connection: Connection, person: Person, *, everywhere: bool = False) -> None:
    """End this session, or all of the person's."""
    if everywhere:
        queries_sessions.delete_sessions(connection, person.account)
    elif person.session is not None:
        queries_sessions.delete_session(connection, person.session)
    audit.record(
        connection,
        kind="sign-out",
        subject=person.name,
        reason="signed out everywhere" if everywhere else "signed out",
        author=person.name,
    )


def change_password(  # noqa: PLR0913  what a change of a password is
    writing: Transaction, person: Person, *, old: str, new: str, address: str, now: datetime
) -> None:
    """Take another password; every other session of theirs ends.

    Guessing the old one is slowed as at the door. No transaction is open while either is hashed.

    Raises:
        AccountError: the old one is wrong, or the new one may not be taken.
        TooManyAttemptsError: it was tried too often.
    """
    with writing():  # which refuses a token, before all else
        passwords.require_strong(new, name=person.name)
    attempt = SignInAttempt(name=person.name, password=old, address=address)
    kept = _check_own_password(writing, attempt, now)
    hashed = passwords.hash_password(new)
    with writing() as connection:
        _require_unchanged_password(connection, attempt, kept)
        queries.set_password(connection, person.account, hashed)
        queries_sessions.delete_sessions(connection, person.account, but=person.session)
        audit.record(
            connection,
            kind="password",
            subject=person.name,
            reason="changed their own password",
            author=person.name,
        )


def _check_own_password(
    writing: Transaction, attempt: SignInAttempt, now: datetime
) -> tuple[int, str | None] | None:
    """What is kept of the password that somebody who is signed in has just shown."""
    with writing() as connection:
        count_attempt(connection, throttle.build_limits(attempt.name, attempt.address), now)
        kept = queries.find_password_hash(connection, attempt.name)
    if not passwords.verify(kept[1] if kept else None, attempt.password):
        raise AccountError("the current password is wrong")
    return kept


def _require_unchanged_password(
    connection: Connection, attempt: SignInAttempt, kept: tuple[int, str | None] | None
) -> None:
    """Refuse where another one was set meanwhile; else the attempt did not fail."""
    if kept != queries.find_password_hash(connection, attempt.name):
        raise AccountError("the current password is wrong")
    _forgive_attempt(connection, attempt)


def confirm_by_password(
    writing: Transaction, person: Person, *, password: str, address: str, now: datetime
) -> None:
    """Prove in this session who one is. Raises as `change_password`."""
    attempt = SignInAttempt(name=person.name, password=password, address=address)
    kept = _check_own_password(writing, attempt, now)
    with writing() as connection:
        _require_unchanged_password(connection, attempt, kept)
        confirm_session(connection, person, by="password", at=now)


def confirm_session(connection: Connection, person: Person, *, by: str, at: datetime) -> None:
    """The person has proved who they are: for a while this session widens rights.

    `by`: what they have shown; `at`: when.
    """
    queries_sessions.confirm_session(connection, person.session, at)
    audit.record(
        connection,
        kind="confirmation",
        subject=person.name,
        reason="confirmed that it is them",
        author=person.name,
        details={"by": by},
    )


def set_language(connection: Connection, person: Person, *, language: str | None) -> None:
    """Begin pages in this language; None: in the browser's."""
    queries.update_account(connection, person.account, title=person.title, language=language)
    audit.record(
        connection,
        kind="account",
        subject=person.name,
        reason="chose a language",
        author=person.name,
        details={"language": language},
    )


def create_token(  # noqa: PLR0913  what a token is
    connection: Connection,
    owner: Person,
    *,
    name: str,
    scopes: Sequence[Duty],
    now: datetime,
    ends_at: datetime,
    author: str = "",
) -> tuple[int, str]:
    """A new API token; its number, and what is shown once.

    Raises:
        AccountError: a name that is no line of text, a scope that its owner has not, a time that is
            past or too far, or too many.
    """
    name = _check_purpose(name)
    _check_scopes(owner, scopes)
    if not now < ends_at <= now + MAX_TOKEN_LIFETIME:
        raise AccountError(
            "a token expires within {days} days, not on {ends_at:%Y-%m-%d}",
            MAX_TOKEN_LIFETIME.days,
            ends_at,
        )
    valid = queries_tokens.count_valid_tokens(connection, owner.account, now)
    if valid >= MAX_TOKENS:
        raise AccountError(
            "{owner} has {count} valid tokens: revoke some of them first", owner.name, valid
        )
    secret = secrets.generate_token()
    number = queries_tokens.insert_token(
        connection,
        account=owner.account,
        secret=secrets.digest(secret),
        prefix=secret[: secrets.VISIBLE_LENGTH],
        name=name,
        scopes=sorted({Duty.READ, *scopes}),
        created_at=now,
        ends_at=ends_at,
    )
    audit.record(
        connection,
        kind="token",
        subject=owner.name,
        reason=Message("made the token {name!r}", name),
        author=author or owner.name,
        details={
            "token": number,
            "scopes": sorted(duty.value for duty in scopes),
            "ends": ends_at.isoformat(),
        },
    )
    return number, secret


def _check_purpose(name: str) -> str:
    if not name.strip():
        raise AccountError("say what the token is for")
    try:
        return read_text(name.strip(), longest=LONGEST_PURPOSE)
    except ForeignError as error:
        raise AccountError("what the token is for: {problem}", error) from error


def _check_scopes(owner: Person, scopes: Sequence[Duty]) -> None:
    if not scopes:
        raise AccountError("give the token a scope: {scopes}", ", ".join(Duty))
    lacking = [duty.value for duty in scopes if not owner.may(duty)]
    if lacking:
        raise AccountError(
            "a token never has more permissions than its account: {owner} lacks {lacking}",
            owner.name,
            ", ".join(lacking),
        )


def revoke_token(
    connection: Connection, number: int, *, now: datetime, author: str, owner: int | None = None
) -> None:
    """Make a token void; `owner`: only if it is theirs.

    Raises:
        NoAccountError: there is no such token, or it is not theirs.
    """
    token = queries_tokens.get_token(connection, number)
    if owner is not None and token.account != owner:
        raise NoAccountError("no token has the number {number}", number)
    queries_tokens.revoke_token(connection, number, now)
    owner_name = queries.get_person(connection, token.account).name
    audit.record(
        connection,
        kind="token-revoked",
        subject=owner_name,
        reason=Message("revoked the token {name!r}", token.name),
        author=author,
        details={"token": number},
    )
