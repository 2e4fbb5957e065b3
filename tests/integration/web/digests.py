"""What a database holds, table by table, so that a test sees which of them changed."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from hypervisor.base.person import Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import connect
from tests.integration.web.conftest import YVETTE

# What changes by itself, or follows from what is written elsewhere.
FOLLOWS = frozenset(
    {
        *("feed", "event_log", "worker", "evaluation_state", "session", "login_attempt"),
        *("incident", "incident_alarm", "incident_state", "conductor"),
    }
)


@contextmanager
def watching_writes(url: str) -> Iterator[Callable[[], bool]]:
    """Whether the server wrote anything since it was last asked: its write-ahead log grew.

    Where it did not, no table differs, and none needs to be read.
    """
    with connect(url, autocommit=True) as connection:

        def length() -> object:
            return connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()

        last = length()

        def wrote() -> bool:
            nonlocal last
            before, last = last, length()
            return last != before

        yield wrote


def digests(url: str, *, without: Collection[str] = FOLLOWS) -> dict[str, Any]:
    """A digest of every table."""
    with connect(url) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            )
            if name not in without
        ]
        query = " UNION ALL ".join(
            f"SELECT '{name}', md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {name} t"  # noqa: S608
            for name in tables
        )
        return dict(connection.execute(query.encode()).fetchall())


def of_south(url: str) -> dict[str, Any]:
    """What the Yvette's EPCI has: all that it sees of the territory, and its people's accounts."""
    with connect(url) as connection:
        tables = [
            "reading",
            *(
                name
                for (name,) in connection.execute(
                    "SELECT tablename FROM pg_policies WHERE policyname = 'tenant' ORDER BY 1"
                )
            ),
        ]
        theirs = "(SELECT id FROM account WHERE name = 'sud')"
        accounts = " UNION ALL ".join(
            f"SELECT '{name}', md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {name} t"  # noqa: S608
            f" WHERE {column} = {theirs}"
            for name, column in (
                ("account", "id"),
                *((name, "account") for name in ("account_role", "api_token", "session")),
            )
        )
        found: dict[str, Any] = dict(connection.execute(accounts.encode()).fetchall())
        assert all(found.values()), "somebody of the south with a role, a token and a session"
        connection.rollback()
        tenancy.become(connection, Territory(communes=frozenset({YVETTE})))
        query = " UNION ALL ".join(
            f"SELECT '{name}', md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {name} t"  # noqa: S608
            for name in tables
            if name not in {"feed", "worker", "evaluation_state"}
            and not name.startswith("event_log")
        )
        return found | dict(connection.execute(query.encode()).fetchall())
