"""Signing in with the identity provider: accounts follow its claims, each act with its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_sessions, secrets
from hypervisor.access import service as access_service
from hypervisor.access.context import CONFIRMED_FOR
from hypervisor.access.errors import AccountError
from hypervisor.access.service import OpenedSession, Transaction, Visit
from hypervisor.accounts import queries_provider
from hypervisor.accounts.provider import EndedSession, Identity
from hypervisor.accounts.provider_calls import SignInRefusedError
from hypervisor.accounts.queries_provider import RULES, ProviderAccount
from hypervisor.accounts.service import end_credentials, format_roles, require_valid_name
from hypervisor.accounts.sign_in_rules import (
    SignInRules,
    build_title,
    describe_claims,
    find_name,
    find_roles,
    read_rules,
)
from hypervisor.base.duties import Role
from hypervisor.base.person import Person
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from sensors._errors import Message

FILE = "sign-in.yaml"


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """Somebody at the door, as the claims describe them."""

    identity: Identity
    rules: SignInRules
    name: str
    title: str
    roles: Sequence[tuple[Role, str | None]]

    def refusal(self, account: ProviderAccount | None) -> Message | None:
        """Why they do not get in, with their account or (None) to have one; None: they do."""
        if account is not None and account.disabled_at is not None:
            return Message("the account {code} is disabled here", account.name)
        if account is None and not self.name:
            return Message(
                "the identity provider sends no claim {code}, which names your account: ask its "
                "administrator for it",
                self.rules.account,
            )
        if not self.roles:
            return Message(
                "the identity provider's claims give you no role here: {claims}",
                describe_claims(self.rules, self.identity.claims),
            )
        return None


def sign_in(
    writing: Transaction,
    identity: Identity,
    rules: SignInRules,
    visit: Visit,
    *,
    now: datetime,
) -> OpenedSession:
    """Open a session, which waits where the account has a second factor, or must have one.

    A level that the rules demand (`acr`) is a second factor already. The first time the account is
    made. Its name that people read and its roles follow the claims; where these give no role any
    more, it has none and its sessions end. Raises SignInRefusedError: a claim is missing, no role
    comes of them, or the account is disabled.
    """
    secret, awaits = "", None
    with writing() as connection:
        queries_roles.lock_roles(connection)
        candidate = _build_candidate(connection, identity, rules)
        account = queries_provider.find_account(connection, identity.issuer, identity.subject)
        refusal = candidate.refusal(account)
        if account is not None:
            _follow_claims(connection, account, candidate)
        elif refusal is None:
            account, refusal = _create_account(connection, candidate)
        if refusal is None and account is not None:
            if not rules.acr:
                awaits = access_service.find_missing_factor(connection, account.id)
            secret = access_service.open_session(
                connection,
                account.id,
                account.name,
                visit,
                now=now,
                confirmed_at=identity.auth_time,
                factor="identity provider" if rules.acr else None,
                awaits=awaits,
                reason="signed in with the identity provider",
                acr=identity.acr,
            )
            queries_provider.insert_session(
                connection, secrets.digest(secret), sid=identity.sid, id_token=identity.id_token
            )
        else:
            _record_refusal(connection, candidate, visit, str(refusal))
    if refusal is not None:  # after what was written of it holds
        raise SignInRefusedError(refusal)
    return OpenedSession(secret=secret, awaits=awaits)


def confirm(
    writing: Transaction,
    person: Person,
    identity: Identity,
    *,
    now: datetime,
) -> None:
    """Take a sign-in that the provider has just asked for as proof of who is signed in here.

    Raises SignInRefusedError: it is somebody else's, or not recent, or the provider does not say.
    """
    at = identity.auth_time
    if at is None or at <= now - CONFIRMED_FOR:
        raise SignInRefusedError(
            "the identity provider does not say that you have just signed in (claim {code}): its"
            " administrator can have it sent",
            "auth_time",
        )
    with writing() as connection:
        account = queries_provider.find_account(connection, identity.issuer, identity.subject)
        if account is None or account.id != person.account:
            raise SignInRefusedError("somebody else has signed in with the identity provider")
        access_service.confirm_session(connection, person, by="identity provider", at=at)


def _build_candidate(connection: Connection, identity: Identity, rules: SignInRules) -> _Candidate:
    name = find_name(rules, identity.claims)
    return _Candidate(
        identity=identity,
        rules=rules,
        name=name,
        title=build_title(identity.claims),
        roles=find_roles(rules, identity.claims, list_area_codes(connection)),
    )


def _create_account(
    connection: Connection, candidate: _Candidate
) -> tuple[ProviderAccount | None, Message | None]:
    """The new account; or why there is none."""
    name = candidate.name
    try:
        name = require_valid_name(name)
        number = access_queries.insert_account(
            connection,
            name=name,
            title=candidate.title or name,
            password=None,
            language=None,
        )
    except AccountError as error:  # of a name that is taken, by an account that is not theirs
        return None, Message("{reason}; tell an administrator of this instance", error.args[0])
    queries_provider.link_account(
        connection, number, candidate.identity.issuer, candidate.identity.subject
    )
    queries_roles.replace_roles(connection, number, candidate.roles)
    audit.record(
        connection,
        kind="account",
        subject=name,
        reason="signed in with the identity provider for the first time",
        author=name,
        details={"roles": format_roles(candidate.roles), "subject": candidate.identity.subject},
    )
    made = queries_provider.find_account(
        connection, candidate.identity.issuer, candidate.identity.subject
    )
    return made, None


def _follow_claims(connection: Connection, account: ProviderAccount, candidate: _Candidate) -> None:
    """Give the account the name and the roles that the claims now give."""
    title = candidate.title or account.title
    if title != account.title:
        access_queries.update_account(
            connection, account.id, title=title, language=account.language
        )
    before = queries_roles.list_roles(connection, account.id)
    if set(before) == set(candidate.roles):
        return
    queries_roles.replace_roles(connection, account.id, candidate.roles)
    if not candidate.roles:
        queries_sessions.delete_sessions(connection, account.id)
    audit.record(
        connection,
        kind="account-roles",
        subject=account.name,
        reason="the roles follow the identity provider's claims",
        author=account.name,
        details={"before": format_roles(before), "after": format_roles(candidate.roles)},
    )


def _record_refusal(
    connection: Connection, candidate: _Candidate, visit: Visit, reason: str
) -> None:
    audit.record(
        connection,
        kind="sign-in-refused",
        subject=candidate.name[:100] or candidate.identity.subject[:100],
        reason=reason,
        author=candidate.rules.provider,  # not the name that the claims say, which may be another's
        details={"address": visit.address, "subject": candidate.identity.subject},
    )


def end_sessions(writing: Transaction, ended: EndedSession) -> int:
    """End what the provider ended; how many sessions that were. Tokens stay, as after signing out.

    The provider says so over its back channel, without a browser.
    """
    with writing() as connection:
        names = queries_provider.delete_sessions(
            connection,
            issuer=ended.issuer,
            subject=ended.subject,
            sid=ended.sid,
            opened_before=ended.opened_before,
        )
        for name in dict.fromkeys(names):
            audit.record(
                connection,
                kind="sign-out",
                subject=name,
                reason="signed out by the identity provider",
                author=name,
                details={"sessions": names.count(name)},
            )
    return len(names)


def link_account(  # noqa: PLR0913  what an act on an account is
    connection: Connection,
    name: str,
    subject: str,
    *,
    issuer: str,
    at: datetime,
    author: str,
    reason: str,
) -> None:
    """Let an account be the provider's from now on: its password, sessions and tokens are void.

    Raises:
        NoAccountError: there is none of that name.
        AccountError: it, or the subject, is linked already.
    """
    account = access_queries.get_account(connection, name)
    taken = queries_provider.find_account(connection, issuer, subject)
    if account.by_provider or taken is not None:
        raise AccountError(
            "{code} signs in with the identity provider already",
            name if taken is None else taken.name,
        )
    queries_provider.link_account(connection, account.id, issuer, subject)
    access_queries.set_password(connection, account.id, None)
    ended = end_credentials(connection, account.id, at)
    audit.record(
        connection,
        kind="account",
        subject=account.name,
        reason=reason or "signs in with the identity provider from now on",
        author=author,
        details={"subject": subject, **ended},
    )


def load_rules(connection: Connection) -> SignInRules | None:
    """The rules in force; None: none were applied yet.

    An area that is there no more gives a role nowhere.
    """
    revision = RULES.find_revision(connection)
    return None if revision is None else read_rules(revision.text, file=FILE)


def list_area_codes(connection: Connection) -> frozenset[str]:
    return frozenset(code for code, *_ in queries_roles.list_areas(connection))


def apply_rules(  # noqa: PLR0913  what an act on the rules is
    connection: Connection,
    text: str,
    *,
    file: str,
    author: str,
    reason: str,
    dry_run: bool = False,
    seen: int | None = None,
) -> str:
    """Check the text of a file of rules and apply it as a new revision; what was done.

    Raises:
        TerritoryError: an error in it, with its place; or another was applied than was `seen`.
        ActError: the reason is missing.
    """
    rules = read_rules(text, file=file, areas=list_area_codes(connection))
    count = len(rules.roles)
    lines = f"{count} line{'s' if count != 1 else ''} of roles, button {rules.provider!r}"
    return RULES.apply(
        connection,
        text,
        file=file,
        summary=f"{lines}; roles follow at the next sign-in of each",
        subject=FILE,
        author=author,
        reason=reason,
        dry_run=dry_run,
        seen=seen,
    )
