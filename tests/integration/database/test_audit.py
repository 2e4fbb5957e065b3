"""The audit: written with the act, listed, never changed."""

import getpass

import psycopg
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect

pytestmark = pytest.mark.integration


def test_an_act_says_who_what_and_why(database_url: str) -> None:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        number = audit.record(
            connection,
            kind="invalidate",
            subject="gauge/level",
            reason="a branch on the staff",
            author="A. Martin",
            details={"rows": 3},
        )
        audit.record(connection, kind="works", subject="bridge", reason="new", author="B. Diallo")
        (act,) = audit.list_acts(connection, author="A. Martin")
    assert (act.id, act.author, act.kind, act.subject) == (
        number,
        "A. Martin",
        "invalidate",
        "gauge/level",
    )
    assert act.reason == "a branch on the staff"
    assert act.details == {"rows": 3}
    assert act.scenario_at is None


def test_without_a_reason_it_is_refused(database_url: str) -> None:
    with (
        connect(database_url) as connection,
        pytest.raises(audit.ActError, match="no reason is given"),
    ):
        audit.record(connection, kind="undo", subject="act 1", reason="  ")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET reason = 'another'", "DELETE FROM audit", "TRUNCATE audit CASCADE"],
)
def test_nothing_in_it_is_changed(database_url: str, statement: str) -> None:
    with connect(database_url) as connection:
        audit.record(connection, kind="works", subject="bridge", reason="said so")
        connection.commit()
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute(statement.encode())
        connection.rollback()
        assert len(audit.list_acts(connection)) == 1


@pytest.mark.parametrize("refusal", [KeyError("12345"), OSError("no username")])
def test_a_user_without_a_name_is_unknown(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def refuse() -> str:  # as under a number that the system has no name for
        raise refusal

    monkeypatch.setattr(getpass, "getuser", refuse)
    assert audit.current_user() == "unknown"
