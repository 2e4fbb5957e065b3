"""`hypervisor account`, as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.access import passwords, queries_roles
from hypervisor.access import queries as access_queries
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.exercises import demo
from tests import command_line

pytestmark = pytest.mark.integration
Type = Callable[..., str]


@pytest.fixture
def hypervisor(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Type:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", database_url)

    def run(*words: str, typed: str = "") -> str:
        """What it prints, refusals of its words too."""
        ran = command_line.run("account", *words, typed=typed)
        return ran.stdout or ran.stderr

    return run


def test_the_first_administrator_and_those_after(hypervisor: Type, database_url: str) -> None:
    assert not instance_store.has_accounts(database_url)
    secret = hypervisor("add", "anne", "--role", "administrator", "--author", "root").strip()
    assert instance_store.has_accounts(database_url)
    with connect(database_url) as connection:
        found = access_queries.find_password_hash(connection, "ANNE")
        assert found is not None
        assert passwords.verify(found[1], secret)
    with pytest.raises(AccountError, match="named 'anne' already exists"):
        hypervisor("add", "Anne", "--role", "viewer")
    with pytest.raises(AccountError, match="give bruno a role"):
        hypervisor("add", "bruno")
    with pytest.raises(NoAccountError, match="no area has the code"):
        hypervisor("add", "bruno", "--role", "viewer:99999")
    with pytest.raises(AccountError, match="no administrator left"):
        hypervisor("role", "anne", "viewer")
    with pytest.raises(AccountError, match="no administrator left"):
        hypervisor("disable", "anne")

    word = passwords.generate()
    hypervisor("password", "anne", "--ask", typed=f"{word}\n{word}\n")
    hypervisor("add", "charts", "--no-password", "--role", "viewer")
    token = hypervisor("token", "add", "charts", "Grafana", "--days", "30").strip()
    assert token.startswith("hyp_")
    (listed,) = [json.loads(line) for line in hypervisor("token", "list", "--json").splitlines()]
    assert (listed["account"], listed["scopes"]) == ("charts", ["read"])
    with pytest.raises(AccountError, match="lacks operate"):
        hypervisor("token", "add", "charts", "more", "--scope", "operate")
    hypervisor("token", "revoke", str(listed["token"]))
    assert hypervisor("token", "list") == "no token is valid\n"
    told = [json.loads(line) for line in hypervisor("list", "--json").splitlines()]
    assert [(one["name"], one["roles"]) for one in told] == [
        ("anne", [{"role": "administrator", "area": None}]),
        ("charts", [{"role": "viewer", "area": None}]),
    ]
    with connect(database_url) as connection:
        found = access_queries.find_password_hash(connection, "anne")
        acts = audit.list_acts(connection)
    assert found is not None
    assert passwords.verify(found[1], word)
    assert [act.kind for act in acts] == [
        "account",
        "password",
        "account",
        "token",
        "token-revoked",
    ]
    assert acts[0].author == "root"
    assert not any(secret in str(act) or token in str(act) for act in acts)


def test_tables_and_words_that_are_refused(hypervisor: Type, database_url: str) -> None:
    with connect(database_url) as connection:
        connection.execute("INSERT INTO area (code, kind, name) VALUES ('91', 'departement', 'E')")
    hypervisor("add", "anne", "--role", "administrator")
    hypervisor("add", "bruno", "--title", "Bruno B.", "--role", "viewer:91", "--role", "author")
    lines = [line.split() for line in hypervisor("list").splitlines()]
    assert [line[0] for line in lines] == ["account", "anne", "bruno"]
    assert " ".join(lines[2]) == "bruno Bruno B. author, viewer of 91 never"
    hypervisor("token", "add", "bruno", "charts")
    _, token = hypervisor("token", "list").splitlines()
    assert {"bruno", "charts", "read", "never"} <= set(token.split())

    hypervisor("disable", "bruno")
    assert "out of use" in hypervisor("list")
    assert hypervisor("token", "list") == "no token is valid\n"
    hypervisor("enable", "bruno", "--reason", "is back")
    assert "out of use" not in hypervisor("list")
    hypervisor("role", "bruno", "operator")
    assert "operator" in hypervisor("list")
    with connect(database_url) as connection:
        reasons = [act.reason for act in audit.list_acts(connection)]
    assert "is back" in reasons

    refusals = {
        ("role", "bruno", "king"): "'king': expected one of",
        ("token", "add", "bruno", "x", "--scope", "fly"): "'fly': expected one of",
    }
    with pytest.raises(NoAccountError, match="named 'nobody'"):
        hypervisor("token", "add", "nobody", "x")
    for words, why in refusals.items():
        assert why in hypervisor(*words), words


def test_without_an_identity_provider_its_commands_say_what_is_missing(
    hypervisor: Type, tmp_path: Path
) -> None:
    assert hypervisor("list").startswith("no account yet")
    texts = {"none.yaml": b"\xff", "list.json": b"[]", "broken.json": b"{", "one.json": b"{}"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    for words, why in (
        (("check",), "set HYPERVISOR_OIDC_ISSUER and HYPERVISOR_OIDC_CLIENT_ID"),
        (("show",), "there are no sign-in rules"),
        (("apply", str(tmp_path / "none.yaml"), "--reason", "a start"), "no UTF-8"),
        (("try", str(tmp_path / "broken.json")), "not JSON"),
        (("try", str(tmp_path / "list.json")), "expected an object"),
        (("try", str(tmp_path / "one.json")), "there are no sign-in rules"),
        (("link", "anne", "subject"), "set HYPERVISOR_OIDC_ISSUER"),
    ):
        ran = command_line.run("provider", *words)
        assert (ran.exit_code, why in ran.stderr) == (2, True), (words, ran.output)


def test_the_demonstrations_cast(database_url: str) -> None:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.EXERCISE, name="test"))
        made = demo.make_members(connection)
        assert {member.name for member in made} == set(demo.ROLES)
        assert queries_roles.count_administrators(connection) == 1
        for one, line in zip(made, demo.format_members(made), strict=True):
            assert one.password in line
            found = access_queries.find_password_hash(connection, one.name)
            assert found is not None
            assert passwords.verify(found[1], one.password)
