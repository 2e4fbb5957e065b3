"""Accounts, roles, sessions, tokens: each value comes back under its own name."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from hypervisor.access import queries as access_queries
from hypervisor.access import (
    queries_attempts,
    queries_places,
    queries_roles,
    queries_sessions,
    queries_tokens,
)
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.access.queries import Account
from hypervisor.access.queries_sessions import Session
from hypervisor.access.queries_tokens import Token
from hypervisor.base.duties import Duty, Role
from hypervisor.base.person import EVERYWHERE, Grant, Person, Territory
from hypervisor.database.connect import Connection, connect
from hypervisor.database.credentials import Credential, still_valid
from tests.integration.database.standing import HOUR, NOW, TICK, make_places, raise_alarm

pytestmark = pytest.mark.integration
IDLE = timedelta(hours=2)


def add(connection: Connection, name: str, *roles: tuple[Role, str | None], **given: Any) -> int:
    words = {"title": name.title(), "password": None, "language": None, **given}
    number = access_queries.insert_account(connection, name=name, **words)
    queries_roles.replace_roles(connection, number, roles)
    return number


def test_an_account_has_all_its_parts(connection: Connection) -> None:
    zoe = add(connection, "zoe", title="Z.", password="kept", language="fr")
    bob = add(connection, "Bob")
    access_queries.record_sign_in(connection, zoe, NOW + HOUR)
    access_queries.set_disabled(connection, zoe, NOW + 2 * HOUR)
    connection.execute("UPDATE account SET created_at = %s", [NOW])
    second = Account(
        id=zoe,
        name="zoe",
        title="Z.",
        language="fr",
        created_at=NOW,
        disabled_at=NOW + 2 * HOUR,
        signed_in_at=NOW + HOUR,
        signs_in=True,
        by_provider=False,
    )
    first = Account(
        id=bob,
        name="Bob",
        title="Bob",
        language=None,
        created_at=NOW,
        disabled_at=None,
        signed_in_at=None,
        signs_in=False,
        by_provider=False,
    )
    assert access_queries.list_accounts(connection) == [first, second]
    assert access_queries.get_account(connection, "zoe") == second
    with pytest.raises(NoAccountError, match="no account is named 'ZOE'"):
        access_queries.get_account(connection, "ZOE")
    assert access_queries.find_password_hash(connection, "zoe") is None, "it is out of use"
    access_queries.set_disabled(connection, zoe, None)
    assert access_queries.find_password_hash(connection, "ZOE") == (zoe, "kept")
    assert access_queries.find_password_hash(connection, "bob") == (bob, None)
    assert access_queries.find_password_hash(connection, "nobody") is None
    access_queries.set_password(connection, bob, "other")
    assert access_queries.find_password_hash(connection, "bob") == (bob, "other")
    assert access_queries.find_password_hash(connection, "zoe") == (zoe, "kept")
    access_queries.update_account(connection, bob, title="B.", language="en")
    person = access_queries.get_person(connection, bob)
    assert person == Person(account=bob, name="Bob", title="B.", language="en")
    with pytest.raises(NoAccountError):
        access_queries.get_person(connection, bob + 1)
    with pytest.raises(AccountError, match="an account named 'Bob' already exists"):
        add(connection, "bob")


def test_roles_and_where_they_hold(connection: Connection) -> None:
    anne = add(
        connection,
        "anne",
        (Role.VIEWER, None),
        (Role.OPERATOR, "2"),
        (Role.AUTHOR, "2"),
        (Role.OPERATOR, "2"),
        (Role.VIEWER, "91"),
        (Role.VIEWER, "91002"),
    )
    here, there = frozenset({"91001"}), frozenset({"91002"})
    assert queries_roles.list_grants(connection, anne) == (
        Grant(role=Role.VIEWER, territory=EVERYWHERE),
        Grant(role=Role.AUTHOR, area="2", area_name="Nord", territory=Territory(communes=here)),
        Grant(role=Role.OPERATOR, area="2", area_name="Nord", territory=Territory(communes=here)),
        Grant(role=Role.VIEWER, area="91", area_name="Essonne", territory=EVERYWHERE),
        Grant(
            role=Role.VIEWER, area="91002", area_name="Amont", territory=Territory(communes=there)
        ),
    )
    assert queries_roles.list_roles(connection, anne) == [
        (Role.AUTHOR, "2"),
        (Role.OPERATOR, "2"),
        (Role.VIEWER, "91"),
        (Role.VIEWER, "91002"),
        (Role.VIEWER, None),
    ]
    ben = add(connection, "ben", (Role.VIEWER, None))
    queries_roles.replace_roles(connection, anne, [(Role.ADMINISTRATOR, None)])
    assert queries_roles.list_roles(connection, anne) == [(Role.ADMINISTRATOR, None)]
    assert queries_roles.list_roles(connection, ben) == [(Role.VIEWER, None)]
    connection.execute("INSERT INTO area VALUES ('92', 'departement', 'Hauts-de-Seine')")
    queries_roles.replace_roles(connection, ben, [(Role.VIEWER, "91")])
    (one,) = queries_roles.list_grants(connection, ben)
    assert one.territory == Territory(unplaced=True, communes=here | there)


def test_how_many_administer_everything(connection: Connection) -> None:
    assert queries_roles.count_administrators(connection) == 0
    add(connection, "anne", (Role.ADMINISTRATOR, None), (Role.ADMINISTRATOR, "91"))
    add(connection, "ben", (Role.ADMINISTRATOR, "91"))
    add(connection, "cid", (Role.OPERATOR, None))
    gone = add(connection, "dan", (Role.ADMINISTRATOR, None))
    assert queries_roles.count_administrators(connection) == 2
    access_queries.set_disabled(connection, gone, NOW)
    assert queries_roles.count_administrators(connection) == 1


def test_areas_from_the_largest_down_and_what_each_holds(connection: Connection) -> None:
    assert queries_roles.list_areas(connection) == [
        ("91", "departement", "Essonne", None),
        ("2", "epci", "Nord", "91"),
        ("91002", "commune", "Amont", "91"),
        ("91001", "commune", "Bourg", "2"),
    ]
    both = frozenset({"91001", "91002"})
    assert queries_roles.get_territory(connection, None) == EVERYWHERE
    assert queries_roles.get_territory(connection, "91") == Territory(unplaced=True, communes=both)
    assert queries_roles.get_territory(connection, "2") == Territory(communes=frozenset({"91001"}))
    assert queries_places.find_area(connection, "91002") == Territory(communes=frozenset({"91002"}))
    with pytest.raises(NoAccountError, match="no area has the code '7'"):
        queries_roles.get_territory(connection, "7")
    assert queries_places.find_area(connection, "7") is None


def test_in_which_commune_what_is_named_stands(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO device (name, site, commissioned) SELECT 'gauge', id, now() FROM site"
        " WHERE name = 'mill'"
    )
    for subject, commune in (
        ("mill", ("91001",)),
        ("nowhere", (None,)),
        ("nosuch", None),
        ("device/gauge", ("91001",)),
        ("device/mill", None),
        ("group/cab", ("91001",)),
        ("group/loose", (None,)),
        ("group/nosuch", None),
        ("lamp/cab", None),
        ("site/mill", None),
    ):
        assert queries_places.find_subject_commune(connection, subject) == commune, subject
    here, lost = raise_alarm(connection, "r", "source"), raise_alarm(connection, "r", None)
    assert queries_places.find_alarm_commune(connection, here) == ("91002",)
    assert queries_places.find_alarm_commune(connection, lost) == (None,)
    assert queries_places.find_alarm_commune(connection, lost + 1) is None


def test_the_epci_with_most_sites_of_two_the_first_by_its_code(connection: Connection) -> None:
    assert queries_places.find_busiest_epci(connection) == ("2", "Nord")
    connection.execute(
        "INSERT INTO area (code, kind, name, parent) VALUES ('1', 'epci', 'A', '91')"
    )
    connection.execute("UPDATE area SET parent = '1' WHERE code = '91002'")
    assert queries_places.find_busiest_epci(connection) == ("2", "Nord"), (
        "two sites, the other has one"
    )
    connection.execute("UPDATE site SET commune = '91002' WHERE name = 'nowhere'")
    assert queries_places.find_busiest_epci(connection) == ("1", "A")
    connection.execute("UPDATE site SET commune = NULL")
    assert queries_places.find_busiest_epci(connection) is None


def session(account: int, secret: bytes, **given: Any) -> Session:
    words = {"created_at": NOW - HOUR, "seen_at": NOW, "ends_at": NOW + HOUR, **given}
    return Session(secret=secret, account=account, address="10.0.0.1", browser="a fox", **words)


def test_a_session_has_all_its_parts(connection: Connection) -> None:
    anne, ben = add(connection, "anne", (Role.VIEWER, None)), add(connection, "ben")
    first = session(anne, b"1")
    older = session(anne, b"2", seen_at=NOW - TICK)
    theirs = session(ben, b"3")
    for one in (older, first, theirs):
        queries_sessions.insert_session(connection, one)

    def listed(account: int = anne) -> list[Session]:
        return queries_sessions.list_sessions(connection, account, now=NOW, idle=IDLE)

    assert (listed(), listed(ben)) == ([first, older], [theirs])
    found = queries_sessions.find_session(connection, b"1", now=NOW, idle=IDLE)
    assert found is not None
    person, kept = found
    assert kept == first
    assert (person.account, person.session, person.token) == (anne, b"1", None)
    assert (person.scopes, person.grants[0].role) == (frozenset(Duty), Role.VIEWER)
    assert queries_sessions.find_session(connection, b"9", now=NOW, idle=IDLE) is None
    queries_sessions.touch_session(connection, b"2", NOW + TICK)
    assert listed() == [replace(older, seen_at=NOW + TICK), first]
    assert queries_sessions.lock_credential(connection, person)
    assert not queries_sessions.lock_credential(connection, replace(person, account=ben))
    assert not queries_sessions.lock_credential(connection, replace(person, session=b"9"))
    assert queries_sessions.delete_sessions(connection, anne, but=b"1") == 1
    assert (listed(), listed(ben)) == ([first], [theirs])
    queries_sessions.delete_session(connection, b"1")
    assert (listed(), listed(ben)) == ([], [theirs])
    assert queries_sessions.delete_sessions(connection, anne) == 0


def test_of_sessions_seen_at_once_those_opened_first_are_closed(connection: Connection) -> None:
    anne = add(connection, "anne")
    for secret, minutes in ((b"1", 2), (b"2", 3), (b"3", 1)):
        made = NOW - timedelta(minutes=minutes)
        queries_sessions.insert_session(connection, session(anne, secret, created_at=made))
    queries_sessions.keep_latest_sessions(connection, anne, latest=1)
    (kept,) = queries_sessions.list_sessions(connection, anne, now=NOW, idle=IDLE)
    assert kept.secret == b"3"


def test_what_is_over_is_swept_and_what_just_holds_is_not(connection: Connection) -> None:
    anne = add(connection, "anne")
    for secret, seen, ends in (
        (b"idle", NOW - IDLE, NOW + HOUR),
        (b"seen", NOW - IDLE + TICK, NOW + HOUR),
        (b"old", NOW, NOW),
        (b"young", NOW, NOW + TICK),
    ):
        queries_sessions.insert_session(
            connection, session(anne, secret, seen_at=seen, ends_at=ends)
        )
    day = timedelta(days=1)
    for key, at in (("kept", NOW - day), ("swept", NOW - day - TICK)):
        queries_attempts.count_failure(connection, [key], at, over=at)
    queries_sessions.delete_expired(connection, now=NOW, idle=IDLE)
    left = connection.execute("SELECT secret FROM session ORDER BY 1").fetchall()
    assert left == [(b"seen",), (b"young",)]
    assert queries_attempts.lock_failures(connection, ["kept", "swept"]) == {"kept": (1, NOW - day)}


def test_failures_in_a_row(connection: Connection) -> None:
    def failures(key: str) -> int | None:
        found = queries_attempts.lock_failures(connection, [key]).get(key)
        return None if found is None else found[0]

    for at in (NOW, NOW + HOUR):
        queries_attempts.count_failure(connection, ["a", "b"], at, over=NOW)  # none before it
    assert queries_attempts.lock_failures(connection, ["a", "b", "c"]) == {
        "a": (2, NOW + HOUR),
        "b": (2, NOW + HOUR),
    }
    queries_attempts.count_failure(connection, ["a"], NOW + 2 * HOUR, over=NOW + HOUR)
    assert failures("a") == 3
    queries_attempts.count_failure(connection, ["a"], NOW + 3 * HOUR, over=NOW + 2 * HOUR + TICK)
    assert failures("a") == 1
    queries_attempts.uncount_failure(connection, "b")
    assert (failures("a"), failures("b")) == (1, 1)
    queries_attempts.clear_failures(connection, ["a", "c"])
    assert (failures("a"), failures("b")) == (None, 1)


def test_a_token_has_all_its_parts(connection: Connection) -> None:
    anne, ben = add(connection, "anne", (Role.OPERATOR, None)), add(connection, "ben")

    def make(account: int, secret: bytes, *scopes: Duty) -> int:
        return queries_tokens.insert_token(
            connection,
            account=account,
            secret=secret,
            prefix="hyp_abc",
            name=f"of {secret.decode()}",
            scopes=scopes,
            created_at=NOW - HOUR,
            ends_at=NOW + HOUR,
        )

    first, second = make(anne, b"1", Duty.READ, Duty.OPERATE), make(anne, b"2", Duty.READ)
    theirs = make(ben, b"3", Duty.READ)
    queries_tokens.record_use(connection, first, NOW)
    kept = Token(
        id=first,
        account=anne,
        name="of 1",
        prefix="hyp_abc",
        scopes=(Duty.READ, Duty.OPERATE),
        created_at=NOW - HOUR,
        ends_at=NOW + HOUR,
        used_at=NOW,
        revoked_at=None,
    )
    other = replace(kept, id=second, name="of 2", scopes=(Duty.READ,), used_at=None)
    last = replace(other, id=theirs, account=ben, name="of 3")
    assert queries_tokens.list_tokens(connection, anne) == [other, kept]
    assert queries_tokens.list_tokens(connection) == [last, other, kept]
    assert queries_tokens.get_token(connection, second) == other
    with pytest.raises(NoAccountError, match=f"no token has the number {theirs + 1}"):
        queries_tokens.get_token(connection, theirs + 1)
    assert queries_tokens.find_token(connection, b"9", now=NOW) is None
    found = queries_tokens.find_token(connection, b"1", now=NOW)
    assert found is not None
    person, used = found
    assert (person.account, person.token, person.session, used) == (anne, first, None, NOW)
    assert person.scopes == {Duty.READ, Duty.OPERATE}

    assert queries_sessions.lock_credential(connection, person)
    assert not queries_sessions.lock_credential(connection, replace(person, account=ben))
    assert queries_tokens.count_valid_tokens(connection, anne, NOW) == 2
    assert queries_tokens.count_valid_tokens(connection, anne, NOW + HOUR - TICK) == 2
    assert queries_tokens.count_valid_tokens(connection, anne, NOW + HOUR) == 0
    queries_tokens.revoke_token(connection, first, NOW)
    queries_tokens.revoke_token(connection, first, NOW + HOUR)
    assert not queries_sessions.lock_credential(connection, person)
    assert queries_tokens.count_valid_tokens(connection, anne, NOW) == 1
    assert queries_tokens.revoke_tokens(connection, anne, NOW + HOUR) == 1
    revoked = [one.revoked_at for one in queries_tokens.list_tokens(connection)]
    assert revoked == [None, NOW + HOUR, NOW]


def test_what_was_shown_is_good_while_it_and_its_roles_last(database_url: str) -> None:
    """Of sessions until they end, of tokens until they end or are revoked, of accounts in use."""
    with connect(database_url) as connection:
        make_places(connection)
        anne = add(connection, "anne", (Role.OPERATOR, "2"), (Role.VIEWER, None))
        bare = add(connection, "ben")
        gone = add(connection, "cid", (Role.VIEWER, None))
        for account, secret in ((anne, b"1"), (bare, b"2"), (gone, b"3")):
            queries_sessions.insert_session(connection, session(account, secret))
        tokens = [
            queries_tokens.insert_token(
                connection,
                account=account,
                secret=bytes(4 + number),
                prefix="h",
                name="n",
                scopes=[Duty.READ],
                created_at=NOW,
                ends_at=NOW + HOUR,
            )
            for number, account in enumerate((anne, anne, gone))
        ]
        queries_tokens.revoke_token(connection, tokens[1], NOW)
        access_queries.set_disabled(connection, gone, NOW)
        seen = queries_sessions.find_session(connection, b"1", now=NOW, idle=IDLE)
    assert seen is not None
    mine = Credential.of(seen[0])
    roles = frozenset({("operator", "2"), ("viewer", None)})
    assert mine == Credential(account=anne, session=b"1", roles=roles)
    token = Credential(account=anne, token=tokens[0], roles=roles)
    nothing = Credential(account=bare, session=b"2")
    viewer = frozenset({("viewer", None)})
    wrong = {
        replace(mine, roles=viewer),
        replace(mine, account=bare),
        replace(mine, session=b"9"),
        replace(token, token=tokens[1]),
        replace(token, account=gone, token=tokens[2], roles=viewer),
        Credential(account=gone, session=b"3", roles=viewer),
    }

    async def good(at: datetime) -> frozenset[Credential]:
        async with await psycopg.AsyncConnection.connect(database_url) as own:
            return await still_valid(own, {mine, token, nothing, *wrong}, at)

    assert asyncio.run(good(NOW)) == {mine, token, nothing}
    assert asyncio.run(good(NOW + HOUR - TICK)) == {mine, token, nothing}
    assert asyncio.run(good(NOW + HOUR)) == frozenset()
