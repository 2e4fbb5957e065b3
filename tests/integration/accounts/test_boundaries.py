"""Where accounts, sessions, tokens and waits just still hold, and where they no longer do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

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
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import (
    AccountError,
    ForbiddenError,
    NoAccountError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from hypervisor.access.identity import IDLE_TIMEOUT, SESSION_LIFETIME
from hypervisor.access.service import MAX_TOKEN_LIFETIME, SignInAttempt
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Duty, Role
from hypervisor.base.person import Person, Territory
from hypervisor.database import audit
from hypervisor.database.connect import Connection, connect
from tests.integration.evaluation.world import World, make_world
from tests.integration.web.conftest import NORTH, ORGE, SOUTH, YVETTE, place
from tests.integration.web.served import NOW, server

pytestmark = pytest.mark.integration

ROOT = Administrator(name="root")
PASSWORD = passwords.generate()
SECOND = timedelta(seconds=1)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge", "yvette"])
        place(made)
        add(made.connection, "Anne", (Role.OPERATOR, NORTH))
        yield made


def add(connection: Connection, name: str, *roles: tuple[Role, str | None]) -> int:
    new = NewAccount(name=name, password=PASSWORD, roles=roles)
    number = account_service.create_account(connection, new, ROOT)
    connection.commit()
    return number


def knock(world: World, password: str = PASSWORD, **said: Any) -> str:
    """Sign in; the session. `now`, `name`, `address` as said."""
    now: datetime = said.pop("now", NOW)
    return access_service.sign_in(
        lambda: connect(world.url),
        SignInAttempt(**{"name": "anne", "password": password, "address": "10.0.0.1"} | said),
        now=now,
    ).secret


def person(world: World, name: str = "Anne") -> Person:
    number = access_queries.get_account(world.connection, name).id
    return access_queries.get_person(world.connection, number)


def test_whoever_took_a_session_does_not_guess_its_password(world: World) -> None:
    another = passwords.generate()

    def change(old: str, now: datetime) -> None:
        access_service.change_password(
            lambda: connect(world.url),
            person(world),
            old=old,
            new=another,
            address="10.0.0.9",
            now=now,
        )

    for _ in range(5):
        with pytest.raises(AccountError, match="the current password is wrong"):
            change("guessed", NOW)
    with pytest.raises(TooManyAttemptsError):
        change(PASSWORD, NOW)
    change(PASSWORD, NOW + SECOND)
    assert known(world, knock(world, another), NOW)


def known(world: World, session: str, now: datetime) -> bool:
    digest = secrets.digest(session)
    return (
        queries_sessions.find_session(world.connection, digest, now=now, idle=IDLE_TIMEOUT)
        is not None
    )


def test_a_session_ends_idle_or_old_or_with_its_account(world: World) -> None:
    session = knock(world)
    digest = secrets.digest(session)
    assert known(world, session, NOW + IDLE_TIMEOUT - SECOND)
    assert not known(world, session, NOW + IDLE_TIMEOUT)
    queries_sessions.touch_session(world.connection, digest, NOW + SESSION_LIFETIME - SECOND)
    queries_sessions.touch_session(world.connection, digest, NOW)  # an older request, noted later
    assert known(world, session, NOW + SESSION_LIFETIME - SECOND)
    assert not known(world, session, NOW + SESSION_LIFETIME)
    access_queries.set_disabled(world.connection, person(world).account, NOW)
    assert not known(world, session, NOW)


def test_a_token_ends_at_its_time_or_with_its_account(world: World) -> None:
    ends = NOW + timedelta(days=1)
    owner = person(world)
    _, secret = access_service.create_token(
        world.connection, owner, name=" script ", scopes=[Duty.OPERATE], now=NOW, ends_at=ends
    )
    digest = secrets.digest(secret)

    def shown(now: datetime) -> set[Duty] | None:
        found = queries_tokens.find_token(world.connection, digest, now=now)
        return None if found is None else set(found[0].scopes)

    assert shown(ends - SECOND) == {Duty.READ, Duty.OPERATE}  # to look is part of every token
    assert shown(ends) is None
    access_queries.set_disabled(world.connection, owner.account, NOW)
    assert shown(NOW) is None


def test_a_token_lasts_some_time_and_two_years_at_most(world: World) -> None:
    owner = person(world)

    def make(ends: datetime, *scopes: Duty, name: str = "script") -> None:
        access_service.create_token(
            world.connection, owner, name=name, scopes=scopes, now=NOW, ends_at=ends
        )

    make(NOW + SECOND, Duty.READ)
    make(NOW + MAX_TOKEN_LIFETIME, Duty.READ)
    for wrong in (NOW, NOW + MAX_TOKEN_LIFETIME + SECOND):
        with pytest.raises(AccountError, match="within 730 days"):
            make(wrong, Duty.READ)
    with pytest.raises(AccountError, match="give the token a scope"):
        make(NOW + SECOND)
    with pytest.raises(AccountError, match="what the token is for"):
        make(NOW + SECOND, Duty.READ, name=" ")
    for name, why in {
        "n" * 20_000: "20000 characters; at most 100 fit",
        "ﷺ" * 20: "characters; at most 100 fit",  # a sign that stands for eighteen letters
        **{f"a{sign}b": "control character U" for sign in "\n\x07\x1b\x85\u2028\u202e\ud800"},
    }.items():
        with pytest.raises(AccountError, match=f"what the token is for: .*{why}"):
            make(NOW + SECOND, Duty.READ, name=name)
        odd = NewAccount(name="odd", title=name * 10, roles=((Role.VIEWER, None),))
        with pytest.raises(AccountError, match="the name that people read: "):
            account_service.create_account(world.connection, odd, ROOT)
    with pytest.raises(AccountError, match="Anne lacks administer"):
        make(NOW + SECOND, Duty.READ, Duty.ADMINISTER)
    acts = [act for act in audit.list_acts(world.connection) if act.kind == "token"]
    assert len(acts) == 2
    assert {(act.author, act.subject) for act in acts} == {("Anne", "Anne")}


def test_nobody_has_more_tokens_or_sessions_than_they_can_look_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_service, "MAX_TOKENS", 2)
    monkeypatch.setattr(access_service, "MAX_SESSIONS", 2)
    owner = person(world)

    def make(ends: datetime) -> int:
        said = {"name": "script", "scopes": [Duty.READ], "now": NOW, "ends_at": ends}
        return access_service.create_token(world.connection, owner, **said)[0]  # type: ignore[arg-type]

    first = make(NOW + SECOND)
    make(NOW + 2 * SECOND)
    with pytest.raises(AccountError, match="Anne has 2 valid tokens"):
        make(NOW + SECOND)
    access_service.revoke_token(world.connection, first, now=NOW, author="Anne")
    make(NOW + SECOND)
    world.connection.commit()

    add(world.connection, "Bruno", (Role.VIEWER, None))
    other = knock(world, name="bruno")
    sessions = [knock(world, now=NOW + number * SECOND) for number in range(2)]
    queries_sessions.touch_session(world.connection, secrets.digest(sessions[0]), NOW + 5 * SECOND)
    world.connection.commit()
    sessions.append(knock(world, now=NOW + 6 * SECOND))
    assert [known(world, session, NOW + 6 * SECOND) for session in sessions] == [True, False, True]
    assert known(world, other, NOW + 6 * SECOND)


def test_a_person_sees_where_they_are_signed_in_the_latest_first(world: World) -> None:
    add(world.connection, "Bruno", (Role.VIEWER, None))
    knock(world, name="bruno", browser="theirs")
    knock(world, browser="first " * 100)
    knock(world, browser="second", address="10.0.0.2", now=NOW + SECOND)

    def listed(now: datetime) -> list[tuple[str, str]]:
        account = person(world).account
        sessions = queries_sessions.list_sessions(
            world.connection, account, now=now, idle=IDLE_TIMEOUT
        )
        return [(session.browser, session.address) for session in sessions]

    assert listed(NOW + SECOND) == [("second", "10.0.0.2"), (("first " * 100)[:200], "10.0.0.1")]
    assert listed(NOW + IDLE_TIMEOUT) == [("second", "10.0.0.2")]
    assert listed(NOW + IDLE_TIMEOUT + SECOND) == []


def test_signing_in_is_noted_and_forgets_what_is_over(world: World) -> None:
    old = secrets.digest(knock(world))
    knock(world, now=NOW + IDLE_TIMEOUT)
    rows = world.connection.execute("SELECT secret FROM session").fetchall()
    assert len(rows) == 1
    assert bytes(rows[0][0]) != old
    assert access_queries.get_account(world.connection, "Anne").signed_in_at == NOW + IDLE_TIMEOUT
    act = next(one for one in audit.list_acts(world.connection) if one.kind == "sign-in")
    assert (act.author, act.subject, act.details) == ("Anne", "Anne", {"address": "10.0.0.1"})


def test_a_password_kept_in_an_older_way_is_kept_as_now_once_it_is_said(world: World) -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    access_queries.set_password(world.connection, person(world).account, older)
    world.connection.commit()
    knock(world)
    found = access_queries.find_password_hash(world.connection, "Anne")
    assert found is not None
    assert found[1] is not None
    assert not passwords.needs_rehash(found[1])
    assert passwords.verify(found[1], PASSWORD)


def test_who_signs_in_rightly_is_never_slowed(world: World) -> None:
    """Of all who share an address, too: their sign-ins are no failures."""
    for number in range(30):
        knock(world, now=NOW + number * SECOND)
    rows = world.connection.execute("SELECT key, failures FROM login_attempt").fetchall()
    assert rows == [("address 10.0.0.1", 0)]


def test_an_account_is_slowed_from_anywhere_and_its_own_sign_in_forgives_it(world: World) -> None:
    for number in range(25):
        with pytest.raises(UnauthenticatedError):
            knock(world, "wrong", address=f"10.1.{number}.1")
    with pytest.raises(TooManyAttemptsError):
        knock(world, address="10.2.0.1")
    knock(world, address="10.2.0.1", now=NOW + timedelta(seconds=30))
    assert [
        key
        for (key,) in world.connection.execute("SELECT key FROM login_attempt").fetchall()
        if key.startswith(("account ", "pair 10.2.0.1"))
    ] == []


def test_failures_of_an_hour_ago_are_no_longer_counted(world: World) -> None:
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            knock(world, "wrong")
    later = NOW + timedelta(hours=1) + SECOND
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            knock(world, "wrong", now=later)
    with pytest.raises(TooManyAttemptsError):
        knock(world, now=later)


def test_who_signs_out_leaves_their_other_sessions(world: World) -> None:
    here, there = knock(world), knock(world)
    digest = secrets.digest(here)
    found = queries_sessions.find_session(world.connection, digest, now=NOW, idle=IDLE_TIMEOUT)
    assert found is not None
    access_service.sign_out(world.connection, found[0])
    assert (known(world, here, NOW), known(world, there, NOW)) == (False, True)
    add(world.connection, "Bruno", (Role.VIEWER, None))
    bruno = knock(world, name="bruno")
    access_service.sign_out(world.connection, found[0], everywhere=True)
    assert (known(world, there, NOW), known(world, bruno, NOW)) == (False, True)
    acts = [act for act in audit.list_acts(world.connection) if act.kind == "sign-out"]
    assert {(act.author, act.subject) for act in acts} == {("Anne", "Anne")}


def test_of_two_administrators_each_of_whom_takes_the_other_out_one_stays(world: World) -> None:
    for name in ("Ada", "Bea"):
        add(world.connection, name, (Role.ADMINISTRATOR, None))
    with closing(connect(world.url)) as other, ThreadPoolExecutor(1) as beside:
        account_service.set_disabled(world.connection, "Ada", ROOT, at=NOW)
        late = beside.submit(account_service.set_disabled, other, "Bea", ROOT, at=NOW)
        waits_for_a_lock(world.url, other, late.done)
        world.connection.commit()
        with pytest.raises(AccountError, match="no administrator left"):
            late.result()


def waits_for_a_lock(url: str, waiting: Connection, done: Callable[[], bool]) -> None:
    """Until a connection waits for what another one holds; it fails where it is done before."""
    pid = waiting.info.backend_pid
    with closing(connect(url, autocommit=True)) as watching:
        while True:
            row = watching.execute("SELECT cardinality(pg_blocking_pids(%s))", [pid]).fetchone()
            if row and row[0]:
                return
            assert not done(), "it waited for nobody"


def test_who_is_out_of_use_or_holds_a_part_is_no_administrator_that_is_left(world: World) -> None:
    add(world.connection, "Ada", (Role.ADMINISTRATOR, None))
    add(world.connection, "Bea", (Role.ADMINISTRATOR, None))
    add(world.connection, "Nora", (Role.ADMINISTRATOR, NORTH))
    add(world.connection, "Otto", (Role.OPERATOR, None))
    account_service.set_disabled(world.connection, "Bea", ROOT, at=NOW)
    world.connection.commit()
    with pytest.raises(AccountError, match="no administrator left"):
        account_service.set_disabled(world.connection, "Ada", ROOT, at=NOW)
    world.connection.rollback()
    with pytest.raises(AccountError, match="no administrator left"):
        account_service.set_roles(world.connection, "Ada", ((Role.ADMINISTRATOR, NORTH),), ROOT)


def test_what_a_page_may_ask_is_what_a_write_requires(world: World) -> None:
    unused: dict[str, Any] = dict.fromkeys(("catalogue", "instance", "clock", "csrf", "pool"))
    anne = RequestContext(connection=world.connection, person=person(world), **unused)
    places: tuple[dict[str, Any], ...] = (
        *({}, {"site": "orge"}, {"site": "yvette"}, {"subject": "device/orge"}),
        *({"area": NORTH}, {"area": SOUTH}, {"area": None}),
    )
    for duty in Duty:
        for where in places:
            asker = replace(anne)
            asked = asker.may(duty, **where)
            with pytest.raises(ForbiddenError):
                asker.writing()
            with nullcontext() if asked else pytest.raises(ForbiddenError):
                asker.require(duty, **where)
    assert anne.may(Duty.OPERATE, site="orge")
    assert anne.may(Duty.ADMINISTER, Duty.OPERATE, area=NORTH)
    assert not anne.may(Duty.OPERATE)
    assert not anne.may(Duty.READ, site="nowhere")


NORA = Administrator(name="Nora", territory=Territory(communes=frozenset({ORGE})))


def test_who_administers_a_part_reaches_no_account_beyond_it(world: World) -> None:
    connection = world.connection
    add(connection, "Sud", (Role.VIEWER, SOUTH))
    add(connection, "Both", (Role.VIEWER, SOUTH), (Role.OPERATOR, NORTH))
    add(connection, "Whole", (Role.VIEWER, None))
    add(connection, "Bare", (Role.VIEWER, NORTH))
    queries_roles.replace_roles(connection, access_queries.get_account(connection, "Bare").id, ())
    assert [one.name for one in account_service.list_accounts(connection, NORA)] == ["Anne"]
    acts: tuple[Callable[[str], object], ...] = (
        lambda name: account_service.get_administered_account(connection, name, NORA),
        lambda name: account_service.update_description(
            connection, name, NORA, title="x", language=None
        ),
        lambda name: account_service.set_roles(connection, name, ((Role.VIEWER, NORTH),), NORA),
        lambda name: account_service.set_password(connection, name, PASSWORD, NORA, at=NOW),
        lambda name: account_service.set_disabled(connection, name, NORA, at=NOW),
        lambda name: account_service.set_disabled(connection, name, NORA, at=None),
    )
    for act in acts:
        for name in ("Sud", "Both", "Whole", "Bare", "nobody"):
            with pytest.raises(NoAccountError, match=f"no account is named '{name}'"):
                act(name)
        act("Anne")
    for area in (SOUTH, None):
        with pytest.raises(ForbiddenError, match="reaches beyond their own"):
            account_service.set_roles(connection, "Anne", ((Role.VIEWER, area),), NORA)
    assert {one.author for one in audit.list_acts(connection, limit=5)} == {"Nora"}


def test_what_an_administrator_did_to_an_account_is_told(world: World) -> None:
    knock(world)
    access_service.create_token(
        world.connection, person(world), name="x", scopes=[Duty.READ], now=NOW,
        ends_at=NOW + SECOND,
    )  # fmt: skip
    account_service.set_roles(
        world.connection, "Anne", ((Role.VIEWER, SOUTH),), ROOT, reason="moved"
    )
    account_service.set_password(world.connection, "Anne", PASSWORD, ROOT, at=NOW)
    account_service.set_disabled(world.connection, "Anne", ROOT, at=NOW)
    account_service.set_disabled(world.connection, "Anne", ROOT, at=None)
    found = [
        (act.kind, act.author, act.subject, act.reason, act.details)
        for act in audit.list_acts(world.connection, limit=4)
    ]
    assert found == [
        (
            "account-roles",
            "root",
            "Anne",
            "moved",
            {"before": [f"operator of {NORTH}"], "after": [f"viewer of {SOUTH}"]},
        ),
        ("password", "root", "Anne", "set the password", {"sessions": 1, "tokens": 1}),
        ("account-disabled", "root", "Anne", "took it out of use", {"sessions": 0, "tokens": 0}),
        ("account-enabled", "root", "Anne", "took it into use again", {}),
    ]


@pytest.mark.parametrize("name", ["", "-x", "a" * 101, "a\tb", "a/b", "_x"])
def test_names_that_no_account_has(world: World, name: str) -> None:
    with pytest.raises(AccountError, match="is not a valid account name"):
        add(world.connection, name, (Role.VIEWER, None))


def test_names_that_an_account_has(world: World) -> None:
    for name in ("a" * 100, "J.-P. O'Neil @ 91", "école"):
        add(world.connection, name, (Role.VIEWER, None))
        assert access_queries.get_account(world.connection, name).title == name


def test_a_password_that_is_set_meanwhile_lets_nobody_in_with_the_old_one(world: World) -> None:
    """An account that passed the check, and one that changes the area to its own."""
    here = knock(world)
    digest = secrets.digest(here)
    found = queries_sessions.find_session(world.connection, digest, now=NOW, idle=IDLE_TIMEOUT)
    assert found is not None
    world.connection.commit()
    new = passwords.generate()
    with closing(connect(world.url)) as other, ThreadPoolExecutor(1) as beside:
        account_service.set_password(world.connection, "Anne", new, ROOT, at=NOW)
        late = beside.submit(queries_sessions.lock_credential, other, found[0])
        waits_for_a_lock(world.url, other, late.done)
        world.connection.commit()
        assert late.result() is False
    opened: list[bool] = []

    def writing() -> psycopg.Connection[Any]:
        if len(opened) == 1:  # the password was found right: now it is changed
            with connect(world.url) as administrator:
                account_service.set_password(administrator, "Anne", PASSWORD, ROOT, at=NOW)
        opened.append(True)
        return connect(world.url)

    with pytest.raises(UnauthenticatedError):
        access_service.sign_in(
            writing,
            SignInAttempt(name="anne", password=new, address="10.0.0.1"),
            now=NOW,
        )
    assert world.connection.execute("SELECT count(*) FROM session").fetchone() == (0,)


def test_a_page_of_another_site_of_ours_is_a_foreign_one(world: World) -> None:
    said = {"name": "anne", "password": PASSWORD}
    with server(world.url) as base, httpx.Client(base_url=base, timeout=30) as browser:
        for site, status in (("same-site", 403), ("cross-site", 403), ("none", 204)):
            headers = {"Sec-Fetch-Site": site}
            found = browser.post("/api/v1/auth/login", json=said, headers=headers)
            assert found.status_code == status
        # What the browser says of the site counts more than where it comes from.
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": base}
        found = browser.post("/api/v1/auth/login", json=said, headers=headers)
        assert found.status_code == 403
        basic = {"Authorization": f"Basic {secrets.generate_session()}"}
        assert browser.get("/api/v1/auth/me", headers=basic).status_code == 401
        assert browser.get("/api/v1/auth/me").status_code == 200
        token = {"Authorization": "Bearer hyp_nothing"}
        assert browser.get("/api/v1/auth/me", headers=token).status_code == 401


def test_of_two_departements_the_role_in_one_is_not_the_whole(world: World) -> None:
    add(world.connection, "Dora", (Role.ADMINISTRATOR, "91"))
    only = person(world, "Dora")
    assert only.everywhere(Duty.ADMINISTER)
    world.connection.execute("INSERT INTO area VALUES ('92', 'departement', 'Hauts-de-Seine')")
    one = person(world, "Dora")
    assert not one.everywhere(Duty.READ)
    assert one.territory().unplaced
    assert one.territory().communes == {ORGE, YVETTE}


def test_a_token_is_revoked_once_by_whoever_revoked_it(world: World) -> None:
    owner = person(world)
    said = {"name": "script", "scopes": [Duty.READ], "now": NOW, "ends_at": NOW + SECOND}
    number, _ = access_service.create_token(world.connection, owner, **said, author="Ada")  # type: ignore[arg-type]
    access_service.revoke_token(world.connection, number, now=NOW, author="Bea")
    access_service.revoke_token(
        world.connection, number, now=NOW + SECOND, author="Bea", owner=owner.account
    )
    assert queries_tokens.get_token(world.connection, number).revoked_at == NOW
    with pytest.raises(NoAccountError, match=f"no token has the number {number}"):
        access_service.revoke_token(
            world.connection, number, now=NOW, author="x", owner=owner.account + 1
        )
    acts = audit.list_acts(world.connection, limit=3)
    assert [(act.kind, act.author, act.subject) for act in acts] == [
        ("token", "Ada", "Anne"),
        ("token-revoked", "Bea", "Anne"),
        ("token-revoked", "Bea", "Anne"),
    ]


def test_two_tries_at_once_are_looked_at_one_after_the_other(world: World) -> None:
    queries_attempts.count_failure(world.connection, ["a", "b"], NOW, over=NOW)
    world.connection.commit()
    with closing(connect(world.url)) as other, ThreadPoolExecutor(1) as beside:
        assert queries_attempts.lock_failures(world.connection, ["a", "b"]) == {
            "a": (1, NOW),
            "b": (1, NOW),
        }
        late = beside.submit(queries_attempts.lock_failures, other, ["b"])
        waits_for_a_lock(world.url, other, late.done)
        queries_attempts.count_failure(world.connection, ["b"], NOW + SECOND, over=NOW)
        world.connection.commit()
        assert late.result() == {"b": (2, NOW + SECOND)}
    queries_attempts.uncount_failure(world.connection, "a")
    queries_attempts.uncount_failure(world.connection, "a")
    assert queries_attempts.lock_failures(world.connection, ["a"]) == {"a": (0, NOW)}


def test_when_a_token_was_used_is_known_to_the_minute(world: World) -> None:
    _, secret = access_service.create_token(
        world.connection, person(world), name="x", scopes=[Duty.READ], now=NOW,
        ends_at=NOW + timedelta(days=1),
    )  # fmt: skip
    world.connection.commit()
    clock = [NOW]
    shown = {"Authorization": f"bearer  {secret}"}  # as a program may write it
    with server(world.url, clock=lambda: clock[0]) as base:  # noqa: SIM117  two sets of them
        with httpx.Client(base_url=base, headers=shown, timeout=30) as program:
            seen = []
            for seconds in (0, 60, 61):
                clock[0] = NOW + seconds * SECOND
                assert program.get("/api/v1/auth/me").status_code == 200
                (token,) = queries_tokens.list_tokens(world.connection, person(world).account)
                world.connection.commit()
                seen.append(token.used_at)
    assert seen == [NOW, NOW, NOW + 61 * SECOND]


def test_who_has_no_role_yet_sees_and_hears_nothing(world: World) -> None:
    number = add(world.connection, "Zoe", (Role.VIEWER, None))
    queries_roles.replace_roles(world.connection, number, ())
    world.connection.commit()
    said = {"name": "zoe", "password": PASSWORD}
    with server(world.url) as base, httpx.Client(base_url=base, timeout=30) as browser:
        assert browser.post("/api/v1/auth/login", json=said).status_code == 204
        for path in ("/api/v1/sites", "/api/v1/events?seconds=0.1", "/now", "/api/v1/auth/me"):
            assert browser.get(path).status_code == 403, path
