"""Which claims give which roles; what is wrong with a file of such rules, and where."""

import random
import re
from typing import Any

import pytest

from hypervisor.accounts.sign_in_rules import (
    build_title,
    describe_claims,
    find_name,
    find_roles,
    list_values,
    matches,
    read_rules,
)
from hypervisor.base.duties import Role
from sensors._errors import TerritoryError

AREAS = frozenset({"91", "200056232", "91228"})
RULES = read_rules(
    """
provider: Essonne
account: preferred_username
roles:
  - {when: {groups: [duty, night]}, role: operator, area: 91}
  - {when: {siret: "229*18", email: "*@essonne.example"}, role: viewer}
  - {when: {realm_access.roles: elected}, role: viewer, areas from: communes}
  - {when: {"https://essonne.example/chief": "true"}, role: administrator}
""",
    file="sign-in.yaml",
    areas=AREAS,
)


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({}, []),
        ({"groups": []}, []),
        ({"groups": "duty"}, [(Role.OPERATOR, "91")]),
        ({"groups": ["x", "night", "duty"]}, [(Role.OPERATOR, "91")]),
        ({"groups": ["Duty", "duty ", "dut", "\uff44uty"]}, []),
        ({"groups": {"duty": True}}, []),
        ({"siret": "22910228000018", "email": "a@essonne.example"}, [(Role.VIEWER, None)]),
        ({"siret": 22910228000018, "email": "a@essonne.example"}, [(Role.VIEWER, None)]),
        ({"siret": "22910228000018", "email": "a@essonne.example.org"}, []),
        ({"siret": "22910228000018", "email": "a@essonneXexample"}, []),
        ({"siret": "22910228000018"}, []),
        (
            {
                "siret": "22910228000018",
                "email": "a@essonne.example",
                "email_verified": False,
            },
            [],
        ),
        (
            {"realm_access": {"roles": ["elected"]}, "communes": ["91228", "75056", "91228"]},
            [(Role.VIEWER, "91228")],
        ),
        ({"realm_access": {"roles": ["elected"]}}, []),
        ({"realm_access": ["elected"], "communes": ["91228"]}, []),
        ({"https://essonne.example/chief": True}, [(Role.ADMINISTRATOR, None)]),
        ({"https://essonne.example/chief": False}, []),
        ({"https://essonne.example/chief": None}, []),
    ],
)
def test_claims_give_roles(claims: dict[str, Any], roles: list[tuple[Role, str | None]]) -> None:
    assert find_roles(RULES, claims, AREAS) == roles


@pytest.mark.parametrize(
    ("claims", "title"),
    [
        ({"given_name": "Angela Claire", "usual_name": "MARTIN"}, "Angela Claire MARTIN"),
        ({"name": "A. Martin", "given_name": "Angela", "family_name": "Martin"}, "A. Martin"),
        ({"given_name": "Angela", "family_name": "Martin"}, "Angela Martin"),
        ({"given_name": "Angela"}, ""),
        ({"name": "x" * 300}, "x" * 200),
    ],
)
def test_the_name_that_people_read(claims: dict[str, Any], title: str) -> None:
    assert build_title(claims) == title


def test_the_name_of_the_account() -> None:
    assert find_name(RULES, {"preferred_username": "anne", "email": "a@b.example"}) == "anne"
    assert find_name(RULES, {"email": "a@b.example"}) == ""


def test_a_refusal_names_every_claim_that_counts() -> None:
    claims = {"groups": ["a", "b"], "siret": "1" * 300, "phone": "1"}
    text = describe_claims(RULES, claims)
    assert text.startswith(f"groups is 'a, b', siret is '{'1' * 100}', email is missing, realm_acc")
    assert "phone" not in text


def test_a_claim_within_a_claim() -> None:
    assert list_values({"a.b": "x", "a": {"b": "y"}}, "a.b") == ["x"]
    assert list_values({"a": {"b": [1, None, "", "z", ["q"]]}}, "a.b") == ["1", "z"]
    assert list_values({"a": "text"}, "a.b.c") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("roles: []", "1:1: a file of sign-in rules needs 'provider'"),
        ("provider: x\nroles: []", "2:8: `roles` is empty"),
        ("provider: x\nroles: [{when: {}, role: viewer}]", "2:16: `when` is empty"),
        ("provider: x\nroles: [{role: viewer}]", "2:9: a line of `roles` needs 'when'"),
        (
            "provider: x\nroles: [{when: {a: b}, role: viewr}]",
            "2:30: 'viewr' is not a role; did you mean 'viewer'?",
        ),
        (
            "provider: x\nroles: [{when: {a: b}, role: viewer, area: 91229}]",
            "2:44: '91229' is not the code of an area of this instance",
        ),
        (
            "provider: x\nroles: [{when: {a: b}, role: viewer, area: 91, areas from: c}]",
            "2:60: expected `area` or `areas from`, not both",
        ),
        (
            "provider: x\nabout: javascript:alert(1)\nroles: [{when: {a: b}, role: viewer}]",
            "2:8: 'javascript:alert(1)': expected an address with https://",
        ),
        ("provider: x\nscope: a\nroles: [{when: {a: b}, role: viewer}]", "2:1: a file of"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(TerritoryError) as caught:
        read_rules(text, file="sign-in.yaml", areas=AREAS)
    assert str(caught.value).startswith(f"sign-in.yaml:{problem}")


def test_patterns_match_as_an_expression_would_but_in_linear_time() -> None:
    """Seven stars against a long address held the web until the supervisor killed it."""
    chance = random.Random(33)
    for _ in range(3_000):
        pattern = "".join(chance.choices("ab*.", k=chance.randrange(9)))
        value = "".join(chance.choices("ab.", k=chance.randrange(12)))
        expression = ".*".join(map(re.escape, pattern.split("*")))
        assert matches(value, pattern) == bool(re.fullmatch(expression, value)), (value, pattern)
    assert not matches("a" * 100_000 + "!", "*a" * 2_000 + "*b")
    assert matches("a" * 100_000, "*a" * 2_000 + "*")
    assert (
        matches("pre\u0301fet", "pr\u00e9f*") is False
    )  # values are normalised where they are read
    assert list_values({"a": "pre\u0301fet"}, "a") == ["pr\u00e9fet"]
