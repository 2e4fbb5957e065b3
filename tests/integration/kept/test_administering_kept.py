"""Accounts and tokens given and taken: what is said of it, what is refused, and what it changes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from hypervisor.access import (
    passwords,
    queries_attempts,
    queries_roles,
    queries_sessions,
    queries_tokens,
    secrets,
)
from hypervisor.access import queries as access_queries
from hypervisor.access import service as access_service
from hypervisor.access.errors import (
    AccountError,
    ForbiddenError,
    NoAccountError,
    TooManyAttemptsError,
)
from hypervisor.access.queries_sessions import Session
from hypervisor.access.service import SignInAttempt
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Duty, Role
from hypervisor.base.person import Person, Territory
from hypervisor.database import audit
from hypervisor.database.connect import Connection, connect
from tests.integration.database.standing import HOUR, NOW

pytestmark = pytest.mark.integration
ROOT = Administrator(name="root")
NORTH = Administrator(name="Nora", territory=Territory(communes=frozenset({"91001"})))
WORD = "a long enough word"
NAMED = "expected up to 100 letters, digits, spaces and . - ' @, a letter or digit first"
VIEWER = ((Role.VIEWER, None),)


def acts(connection: Connection) -> list[tuple[str, str, str, str, Any]]:
    return [
        (one.kind, one.subject, one.author, one.reason, dict(one.details))
        for one in audit.list_acts(connection)
    ]


def add(connection: Connection, name: str, **given: Any) -> int:
    return account_service.create_account(
        connection, NewAccount(name=name, **{"roles": VIEWER, **given}), ROOT
    )


def test_an_account_is_made_with_its_record(connection: Connection) -> None:
    roles = ((Role.OPERATOR, "2"), (Role.VIEWER, None))
    new = NewAccount(name=" Anne ", title=" A. ", password=WORD, language="en", roles=roles)
    number = account_service.create_account(connection, new, ROOT, reason="hired")
    kept = access_queries.get_account(connection, "Anne")
    assert (kept.id, kept.title, kept.language, kept.signs_in) == (number, "A.", "en", True)
    found = access_queries.find_password_hash(connection, "anne")
    assert found is not None
    assert passwords.verify(found[1], WORD)
    assert set(queries_roles.list_roles(connection, number)) == set(roles)
    plain = add(connection, "Bob", title=" ")
    assert access_queries.get_account(connection, "Bob").title == "Bob"
    assert not access_queries.get_account(connection, "Bob").signs_in
    assert plain != number
    assert acts(connection) == [
        ("account", "Anne", "root", "hired", {"roles": ["operator of 2", "viewer"]}),
        ("account", "Bob", "root", "made the account", {"roles": ["viewer"]}),
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"name": "a/b"},
            f"'a/b' is not a valid account name: {NAMED}",
        ),
        (
            {"name": "Bob", "roles": ()},
            (
                "give Bob a role: source, agent, viewer, personal, operator, controller, author,"
                " administrator"
            ),
        ),
        ({"name": "Bob", "language": "de"}, "language 'de': expected fr or en"),
        ({"name": "Bob", "password": "short"}, "a password needs at least 12 characters"),
        ({"name": "Bob", "password": "a" * 201}, "a password may have at most 200 characters"),
        (
            {"name": "Bob", "password": "bob's long password"},
            "this password is easily guessed: it repeats itself, or holds the account's name",
        ),
    ],
)
def test_what_no_account_can_be(connection: Connection, given: dict[str, Any], told: str) -> None:
    with pytest.raises(AccountError) as caught:
        add(connection, **given)
    assert str(caught.value) == told
    assert acts(connection) == []


def test_nobody_gives_a_role_beyond_their_own_territory(connection: Connection) -> None:
    for area, where in (
        (None, "the whole instance"),
        ("91", "area '91'"),
        ("91002", "area '91002'"),
    ):
        with pytest.raises(ForbiddenError) as caught:
            account_service.create_account(
                connection, NewAccount(name="x", roles=((Role.AUTHOR, area),)), NORTH
            )
        assert str(caught.value) == (
            f"Nora cannot give the role author for {where}: it reaches beyond their own"
        )
    account_service.create_account(
        connection, NewAccount(name="x", roles=((Role.AUTHOR, "91001"),)), NORTH
    )
    assert [one.name for one in account_service.list_accounts(connection, NORTH)] == ["x"]
    assert account_service.get_administered_account(connection, "x", NORTH).name == "x"


def test_a_description_is_changed_with_its_record(connection: Connection) -> None:
    add(connection, "Anne", title="A.", language="fr")
    account_service.update_description(connection, "Anne", ROOT, title=" B. ", language="en")
    assert access_queries.get_account(connection, "Anne").title == "B."
    account_service.update_description(connection, "Anne", ROOT, title=" ", language=None)
    kept = access_queries.get_account(connection, "Anne")
    assert (kept.title, kept.language) == ("Anne", None)
    with pytest.raises(AccountError, match="language 'de': expected fr or en"):
        account_service.update_description(connection, "Anne", ROOT, title="x", language="de")
    described = ("account", "Anne", "root", "changed the description")
    assert acts(connection)[1:] == [
        (*described, {"title": "B.", "language": "en"}),
        (*described, {"title": "Anne", "language": None}),
    ]


def test_who_leaves_and_comes_back_is_said_with_the_reason(connection: Connection) -> None:
    anne, ben = add(connection, "Anne", password=WORD), add(connection, "Ben", password=WORD)
    for number in (anne, ben):
        one = Session(
            secret=bytes(1 + number),
            account=number,
            created_at=NOW,
            seen_at=NOW,
            ends_at=NOW + HOUR,
            address="",
            browser="",
        )
        queries_sessions.insert_session(connection, one)
        access_service.create_token(
            connection,
            access_queries.get_person(connection, number),
            name="x",
            scopes=[Duty.READ],
            now=NOW,
            ends_at=NOW + HOUR,
        )
    account_service.set_password(connection, "Anne", f"{WORD}, too", ROOT, at=NOW, reason="lost")
    found = access_queries.find_password_hash(connection, "anne")
    assert found is not None
    assert passwords.verify(found[1], f"{WORD}, too")
    account_service.set_disabled(connection, "Anne", ROOT, at=NOW, reason="left")
    assert access_queries.get_account(connection, "Anne").disabled_at == NOW
    account_service.set_disabled(connection, "Anne", ROOT, at=None, reason="back")
    assert access_queries.get_account(connection, "Anne").disabled_at is None
    assert acts(connection)[-3:] == [
        ("password", "Anne", "root", "lost", {"sessions": 1, "tokens": 1}),
        ("account-disabled", "Anne", "root", "left", {"sessions": 0, "tokens": 0}),
        ("account-enabled", "Anne", "root", "back", {}),
    ]
    (theirs,) = queries_tokens.list_tokens(connection, ben)
    assert theirs.revoked_at is None
    assert len(queries_sessions.list_sessions(connection, ben, now=NOW, idle=HOUR)) == 1


def test_an_administrator_is_left(connection: Connection) -> None:
    add(connection, "Ada", roles=((Role.ADMINISTRATOR, None),))
    add(connection, "Ben", roles=((Role.OPERATOR, None),))
    changes: tuple[Callable[[], None], ...] = (
        lambda: account_service.set_disabled(connection, "Ada", ROOT, at=NOW),
        lambda: account_service.set_roles(connection, "Ada", VIEWER, ROOT),
    )
    for change in changes:
        connection.execute("SAVEPOINT before")
        with pytest.raises(AccountError) as caught:
            change()
        connection.execute("ROLLBACK TO before")
        assert str(caught.value) == (
            "the instance would have no administrator left: appoint another first"
        )
    account_service.set_roles(connection, "Ben", VIEWER, ROOT)
    kind, subject, _, reason, details = acts(connection)[-1]
    assert (kind, subject, reason) == ("account-roles", "Ben", "changed the roles")
    assert details == {"before": ["operator"], "after": ["viewer"]}
    account_service.set_disabled(connection, "Ben", ROOT, at=NOW)


def make(connection: Connection, owner: Person, **given: Any) -> tuple[int, str]:
    words: dict[str, Any] = {
        "name": " a script ",
        "scopes": [Duty.OPERATE],
        "now": NOW,
        "ends_at": NOW + HOUR,
        **given,
    }
    return access_service.create_token(connection, owner, **words)


def test_a_token_is_made_and_revoked_with_its_record(connection: Connection) -> None:
    owner = access_queries.get_person(
        connection, add(connection, "Anne", roles=((Role.OPERATOR, None),))
    )
    number, secret = make(connection, owner)
    (kept,) = queries_tokens.list_tokens(connection)
    assert (kept.id, kept.name, kept.prefix) == (number, "a script", secret[:10])
    assert kept.scopes == (Duty.OPERATE, Duty.READ)
    found = queries_tokens.find_token(connection, secrets.digest(secret), now=NOW)
    assert found is not None
    access_service.revoke_token(connection, number, now=NOW, author="Ada", owner=owner.account)
    assert acts(connection)[1:] == [
        (
            "token",
            "Anne",
            "Anne",
            "made the token 'a script'",
            {"token": number, "scopes": ["operate"], "ends": "2024-01-01T11:00:00+00:00"},
        ),
        ("token-revoked", "Anne", "Ada", "revoked the token 'a script'", {"token": number}),
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": " "}, "say what the token is for"),
        (
            {"scopes": []},
            (
                "give the token a scope: send, field, read, personal, operate, command,"
                " countersign, rules, administer"
            ),
        ),
        (
            {"scopes": [Duty.READ, Duty.WRITE_RULES, Duty.ADMINISTER]},
            "a token never has more permissions than its account: Anne lacks rules, administer",
        ),
        ({"ends_at": NOW}, "a token expires within 730 days, not on 2024-01-01"),
    ],
)
def test_what_no_token_can_be(connection: Connection, given: dict[str, Any], told: str) -> None:
    owner = access_queries.get_person(
        connection, add(connection, "Anne", roles=((Role.OPERATOR, None),))
    )
    with pytest.raises(AccountError) as caught:
        make(connection, owner, **given)
    assert str(caught.value) == told
    assert queries_tokens.list_tokens(connection) == []


def test_a_hundred_tokens_are_as_many_as_one_looks_through(connection: Connection) -> None:
    owner = access_queries.get_person(
        connection, add(connection, "Anne", roles=((Role.OPERATOR, None),))
    )
    for number in range(100):
        queries_tokens.insert_token(
            connection,
            account=owner.account,
            secret=bytes(number + 1),
            prefix="h",
            name="n",
            scopes=[Duty.READ],
            created_at=NOW,
            ends_at=NOW + HOUR,
        )
        if number == 98:
            make(connection, owner)
            access_service.revoke_token(connection, make_number(connection), now=NOW, author="x")
    with pytest.raises(AccountError) as caught:
        make(connection, owner)
    assert str(caught.value) == "Anne has 100 valid tokens: revoke some of them first"


def make_number(connection: Connection) -> int:
    return queries_tokens.list_tokens(connection)[0].id


def test_ones_own_password_and_language(connection: Connection) -> None:
    number = add(connection, "Anne", password=WORD)
    me = access_queries.get_person(connection, number)
    change = partial(
        access_service.change_password, lambda: nullcontext(connection), me, address="", now=NOW
    )
    for old, new, told in (
        ("wrong", f"{WORD}, too", "the current password is wrong"),
        (WORD, "short", "a password needs at least 12 characters"),
        (WORD, "this is Anne's", "this password is easily guessed"),
    ):
        with pytest.raises(AccountError, match=told):
            change(old=old, new=new)
    change(old=WORD, new=f"{WORD}, too")
    found = access_queries.find_password_hash(connection, "anne")
    assert found is not None
    assert passwords.verify(found[1], f"{WORD}, too")
    access_service.set_language(connection, me, language="en")
    assert access_queries.get_account(connection, "Anne").language == "en"
    access_service.sign_out(connection, me)
    access_service.sign_out(connection, me, everywhere=True)
    assert acts(connection)[1:] == [
        ("password", "Anne", "Anne", "changed their own password", {}),
        ("account", "Anne", "Anne", "chose a language", {"language": "en"}),
        ("sign-out", "Anne", "Anne", "signed out", {}),
        ("sign-out", "Anne", "Anne", "signed out everywhere", {}),
    ]


@pytest.mark.parametrize(
    ("failures", "seconds", "told"),
    [(5, 0, "1 s"), (11, 0, "64 s"), (12, 9, "119 s"), (12, 8, "2 min"), (40, 30, "14 min")],
)
def test_whoever_must_wait_is_told_how_long(
    connection: Connection, failures: int, seconds: int, told: str
) -> None:
    key = "pair 10.0.0.1 anne"
    for _ in range(failures):
        queries_attempts.count_failure(connection, [key], NOW, over=NOW)

    class Mine:
        """The test's own connection, which is not closed."""

        def __enter__(self) -> Connection:
            return connection

        def __exit__(self, *_: object) -> None:
            pass

    knock = SignInAttempt(name=" ANNE ", password=WORD, address="10.0.0.1")
    now = NOW + timedelta(seconds=seconds)
    with pytest.raises(TooManyAttemptsError) as caught:
        access_service.sign_in(Mine, knock, now=now)
    assert str(caught.value) == f"too many failed sign-ins: wait {told}, then try again"
    left = min(2.0 ** (failures - 5), 900.0) - seconds
    assert caught.value.seconds == left


def test_a_token_that_there_is_not_is_revoked_by_nobody(connection: Connection) -> None:
    with pytest.raises(NoAccountError, match="no token has the number 7"):
        access_service.revoke_token(connection, 7, now=NOW, author="x")


def test_of_two_accounts_made_at_once_under_one_name_one_is_refused(database_url: str) -> None:
    words: dict[str, Any] = {"title": "x", "password": None, "language": None}
    with (
        closing(connect(database_url)) as first,
        closing(connect(database_url)) as second,
        closing(connect(database_url, autocommit=True)) as watching,
        ThreadPoolExecutor(1) as beside,
    ):
        access_queries.insert_account(first, name="Anne", **words)
        late = beside.submit(access_queries.insert_account, second, name="anne", **words)
        blocked = "SELECT cardinality(pg_blocking_pids(%s))"
        while watching.execute(blocked, [second.info.backend_pid]).fetchone() == (0,):
            assert not late.done(), "it waited for nobody"
        first.commit()
        with pytest.raises(AccountError, match="an account named 'anne' already exists"):
            late.result()
        assert access_queries.get_account(second, "Anne").name == "Anne", "its transaction goes on"


def test_as_many_sessions_as_one_looks_through() -> None:
    assert (access_service.MAX_SESSIONS, access_service.MAX_TOKENS) == (50, 100)
