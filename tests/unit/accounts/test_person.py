"""Roles, territories, scopes."""

import pytest

from hypervisor.base.duties import DUTIES, Duty, Role
from hypervisor.base.person import EVERYWHERE, Grant, Person, Territory, together

NORTH = Territory(communes=frozenset({"a", "b"}))
DEPARTEMENT = Territory(communes=frozenset({"a", "b", "c"}), unplaced=True)


def person(*grants: tuple[Role, Territory], scopes: frozenset[Duty] = frozenset(Duty)) -> Person:
    held = tuple(Grant(role=role, territory=territory) for role, territory in grants)
    return Person(account=1, name="anne", title="Anne", grants=held, scopes=scopes)


def test_a_role_holds_where_it_was_given() -> None:
    anne = person((Role.OPERATOR, NORTH), (Role.VIEWER, DEPARTEMENT))
    assert anne.territory() == DEPARTEMENT
    assert anne.territory(Duty.OPERATE) == NORTH
    assert not anne.may(Duty.WRITE_RULES)
    assert not anne.everywhere(Duty.READ)


def test_a_token_never_may_more_than_its_scopes_nor_than_its_owner() -> None:
    token = person((Role.OPERATOR, EVERYWHERE), scopes=frozenset({Duty.READ, Duty.ADMINISTER}))
    assert token.everywhere(Duty.READ)
    assert not token.may(Duty.OPERATE)
    assert not token.may(Duty.ADMINISTER)


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (EVERYWHERE, DEPARTEMENT, True),
        (EVERYWHERE, EVERYWHERE, True),
        (DEPARTEMENT, NORTH, True),
        (NORTH, DEPARTEMENT, False),
        (DEPARTEMENT, EVERYWHERE, False),
        (NORTH, Territory(unplaced=True), False),
    ],
)
def test_covers(one: Territory, other: Territory, covers: bool) -> None:  # noqa: FBT001  a case
    assert one.covers(other) is covers


def test_what_stands_nowhere_is_the_departements() -> None:
    assert DEPARTEMENT.holds(None)
    assert not NORTH.holds(None)
    assert NORTH.holds("a")
    assert EVERYWHERE.holds("z")


def test_what_each_role_may() -> None:
    """As docs/accounts.md has it."""
    assert {
        Role.SOURCE: {Duty.SEND},
        Role.AGENT: {Duty.FIELD},
        Role.VIEWER: {Duty.READ},
        Role.PERSONAL: {Duty.PERSONAL},
        Role.OPERATOR: {Duty.READ, Duty.OPERATE},
        Role.CONTROLLER: {Duty.READ, Duty.OPERATE, Duty.COMMAND, Duty.COUNTERSIGN},
        Role.AUTHOR: {Duty.READ, Duty.WRITE_RULES},
        Role.ADMINISTRATOR: set(Duty) - {Duty.SEND, Duty.FIELD, Duty.PERSONAL},
    } == DUTIES


def test_a_territory_is_empty_only_where_it_holds_nothing() -> None:
    assert Territory().empty
    assert together([]).empty
    for some in (EVERYWHERE, NORTH, Territory(unplaced=True)):
        assert not some.empty
        assert not together([Territory(), some]).empty


def test_territories_together_hold_what_each_of_them_holds() -> None:
    both = together([NORTH, Territory(communes=frozenset({"c"}), unplaced=True)])
    assert both == DEPARTEMENT
    assert together([NORTH, EVERYWHERE]).whole
    assert DEPARTEMENT.covers(Territory(unplaced=True))
    assert NORTH.covers(Territory())
    assert not Territory(unplaced=True).covers(NORTH)


def test_a_person_is_asked_for_what_they_may_look_at() -> None:
    anne = person((Role.OPERATOR, NORTH))
    assert anne.territory() == anne.territory(Duty.READ) == NORTH
    assert (anne.may(Duty.OPERATE), anne.may(Duty.ADMINISTER)) == (True, False)
    whole = person((Role.AUTHOR, EVERYWHERE))
    assert (whole.everywhere(Duty.WRITE_RULES), whole.everywhere(Duty.OPERATE)) == (True, False)
    bare = Person(account=1, name="a", title="A", session=b"secret")
    assert (bare.language, bare.grants, bare.token) == (None, (), None)
    assert bare.scopes == frozenset(Duty)
    assert "secret" not in repr(bare)
    assert Person(account=1, name="a", title="A").session is None
