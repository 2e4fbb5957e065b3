"""A home, tried on every route: without the duty it is as if it did not exist."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from psycopg import DatabaseError

from tests.conftest import Stack
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, SOUTH, two_towns
from tests.integration.web.others import NOWHERE, READING, settle
from tests.integration.web.served import EVERYTHING, Roles, server, signed_in
from tests.integration.web.test_tenants import find_differences, find_marks
from tests.integration.web.trying import OPEN, SAFE, every_route, send

pytestmark = pytest.mark.integration
MARKS = ("zorn", str(READING), "4,777")
# What `settle` makes of the town, not of the home: the administrator sees it.
OF_THE_TOWN = {
    *("area", "code", "commune", "thresholds", "quantity", "rule", "reason", "from", "to"),
    *("/api/v1/publications number", "/publications number", "/cap identifier"),
    *("/api/v1/handovers number", "/handover number", "/admin/accounts name"),
    *("/api/v1/accounts name", "/api/v1/auth/tokens number", "/account/tokens number"),
    *("/admin/tokens number", "source", "/api/v1/exercises number", "/exercises number"),
}


HOME = (
    "UPDATE site SET domain = 'telecare' WHERE name = 'zorn'",
    "UPDATE asset SET site = (SELECT id FROM site WHERE name = 'zorn')",
    "UPDATE team SET name = 'south'",
    """INSERT INTO log_entry (at, author, kind, text, alarm)
    SELECT now(), 'sud', 'note', 'zorn called', id FROM alarm WHERE subject = 'zorn'""",
    """INSERT INTO attachment (entry, name, media, digest, content)
    SELECT max(id), 'zorn.txt', 'text/plain', 'x', 'zorn' FROM log_entry""",
    """INSERT INTO delivery
        (outbox, alarm, route, channel, key, message, active, state, notified_at)
    SELECT id, alarm, 'all', 'mail', 'x', '{"title": "zorn"}', true, 'sent', now()
    FROM outbox WHERE alarm = (SELECT id FROM alarm WHERE subject = 'zorn') LIMIT 1""",
)


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    with stack.fresh_database() as url, closing(two_towns(url, "zorn")) as made:
        yield made


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    with server(world.url) as found:
        yield found


@pytest.fixture(scope="module")
def home(world: World) -> dict[str, Any]:
    """The Zorn is a home; what stands for each parameter."""
    values = settle(world)
    for statement in HOME:
        world.connection.execute(statement.encode())
    entry, file = world.connection.execute(
        "SELECT (SELECT max(id) FROM log_entry), (SELECT max(id) FROM attachment)"
    ).fetchone() or (0, 0)
    world.connection.commit()
    return {
        **NOWHERE,
        **{key: values[key] for key in values.keys() - OF_THE_TOWN},
        **dict.fromkeys(("about", "/api/v1/log number", "/log number"), entry),
        **dict.fromkeys(("/api/v1/attachments number", "/attachments number"), file),
    }


@pytest.fixture
def chief(base: str, world: World, home: dict[str, Any]) -> Iterator[httpx.Client]:
    """The administrator of everything, who has no business in a home."""
    assert home
    with signed_in(base, world.url, "anne", EVERYTHING) as client:
        yield client


def test_nothing_of_a_home_is_seen_without_the_duty(
    chief: httpx.Client, home: dict[str, Any]
) -> None:
    seen = []
    for route in every_route():
        if route.method not in SAFE or route.path in OPEN:
            continue
        if not route.names:
            bare = send(chief, route, home, named=False)
            assert bare.status_code < 500, f"{route}: {bare.text}"
            seen += [f"{route} tells {mark!r}" for mark in find_marks(MARKS, _text(bare))]
        seen += find_differences(chief, route, home, MARKS)
    assert not seen, "\n".join(seen)


@pytest.mark.parametrize(
    ("roles", "sees"),
    [
        ([("viewer", None), ("personal", None)], True),
        ([("viewer", None), ("personal", SOUTH)], True),
        ([("operator", SOUTH), ("personal", SOUTH)], True),
        ([("administrator", None), ("personal", NORTH)], False),
        ([("operator", SOUTH)], False),
        ([("operator", NORTH), ("personal", None)], False),
    ],
)
def test_who_has_the_duty_at_the_place_sees_it(
    base: str, world: World, home: dict[str, Any], roles: Roles, *, sees: bool
) -> None:
    with signed_in(base, world.url, "joe", roles) as client:
        for path in (
            "/api/v1/sites/zorn",
            f"/api/v1/alarms/{home['alarm']}",
            "/api/v1/series/zorn/level/readings",
            "/sites/zorn",
            "/features/collections/sites/items/zorn",
        ):
            assert client.get(path).is_success is sees, path
        assert ("zorn" in client.get("/api/v1/search?q=zorn").text) is sees
        assert ("Orge: high" in client.get("/api/v1/alarms").text) is (roles[0][1] != SOUTH)


def test_a_token_sees_homes_only_with_the_scope(
    base: str, world: World, home: dict[str, Any]
) -> None:
    with signed_in(base, world.url, "joe", [("viewer", None), ("personal", None)]) as client:
        for scopes, status in ((["read"], 404), (["read", "personal"], 200)):
            body = {"name": "it", "scopes": scopes, "ends_at": "2024-01-03T00:00:00Z"}
            made = client.post("/api/v1/auth/tokens", json=body)
            assert made.is_success, made.text
            bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
            with httpx.Client(base_url=base, headers=bearer) as program:
                assert program.get(f"/api/v1/alarms/{home['alarm']}").status_code == status


def test_an_agent_without_the_duty_is_given_no_order_at_a_home(
    base: str, world: World, home: dict[str, Any]
) -> None:
    with signed_in(base, world.url, "ava", [("agent", None)]) as client:
        world.connection.execute(
            "INSERT INTO team_member (team, account) SELECT team.id, account.id FROM team, account"
            " WHERE team.name = 'south' AND account.name = 'ava'"
        )
        world.connection.commit()
        number = home["/interventions number"]
        assert client.get("/api/v1/field/orders").json()["orders"] == []
        assert client.get(f"/field/orders/{number}/map.svg").status_code == 404
    with signed_in(base, world.url, "ava", [("agent", None), ("personal", SOUTH)]) as client:
        (order,) = client.get("/api/v1/field/orders").json()["orders"]
        assert order["site"] == "zorn"


def _text(answer: httpx.Response) -> str:
    return answer.text.lower().replace("zorn-le-bourg", "")


def test_every_look_at_a_home_is_recorded(
    base: str, world: World, home: dict[str, Any], chief: httpx.Client
) -> None:
    world.connection.execute("ALTER TABLE personal_look DISABLE TRIGGER ALL")
    world.connection.execute("DELETE FROM personal_look")
    world.connection.execute("ALTER TABLE personal_look ENABLE TRIGGER ALL")
    world.connection.commit()
    chief.get("/sites/orge")
    chief.get("/sites/zorn")
    with signed_in(base, world.url, "joe", [("viewer", None), ("personal", None)]) as client:
        for _ in range(2):
            client.get("/sites/zorn")
        client.get("/sites/orge")
        client.get(f"/api/v1/alarms/{home['alarm']}")
        client.get("/api/v1/series/zorn/level/readings")
        client.get("/exports/readings.csv?site=zorn")
        client.get("/sites/nosuch")
        packed = [client.get(path) for path in ("/sites", "/alarms")]
    assert [answer.headers["Content-Encoding"] for answer in packed] == ["gzip", "gzip"]
    rows = world.connection.execute(
        "SELECT author, subject, way, route, times FROM personal_look ORDER BY first_at, route"
    ).fetchall()
    world.connection.rollback()
    assert rows[0] == ("joe", "zorn", "page", "GET /sites/{name}", 2)
    assert {row[:2] for row in rows} == {("joe", "zorn")}
    assert {
        "GET /api/v1/alarms/{number}",
        "GET /api/v1/series/{device}/{quantity}/readings",
        "GET /sites",
        "GET /alarms",
    } <= {route for *_, route, _ in rows}
    with pytest.raises(DatabaseError, match="stays for a year"):
        world.connection.execute("DELETE FROM personal_look")
    world.connection.rollback()


# What of a home somebody could change, with the rows that say it.
OF_THE_HOME = """
SELECT 'site', site::text FROM site WHERE name = 'zorn'
UNION ALL SELECT 'device', device::text FROM device
    WHERE site = (SELECT id FROM site WHERE name = 'zorn')
UNION ALL SELECT 'alarm', concat_ws(' ', id, state, version, withdrawn) FROM alarm
    WHERE subject = 'zorn'
UNION ALL SELECT 'act', alarm_act::text FROM alarm_act
    WHERE alarm IN (SELECT id FROM alarm WHERE subject = 'zorn')
UNION ALL SELECT 'hold', alarm_hold::text FROM alarm_hold WHERE subject = 'zorn'
UNION ALL SELECT 'revision', concat_ws(' ', kind, key, value, effective) FROM revision
    WHERE kind <> 'rule' AND (key = 'zorn' OR key LIKE 'zorn/%')
UNION ALL SELECT 'reading', concat_ws(' ', time, value, quality) FROM reading
    WHERE series_id IN (SELECT s.id FROM series s JOIN device d ON d.id = s.device
                        JOIN site ON site.id = d.site WHERE site.name = 'zorn')
ORDER BY 1, 2
"""


def test_nothing_of_a_home_is_changed_or_told_by_a_write_without_the_duty(
    chief: httpx.Client, world: World, home: dict[str, Any]
) -> None:
    """Last: an administrator may change much else."""

    def of_the_home() -> list[tuple[str, str]]:
        rows = world.connection.execute(OF_THE_HOME.encode()).fetchall()
        world.connection.commit()
        return rows

    before = of_the_home()
    assert {kind for kind, _ in before} >= {"site", "device", "alarm", "revision", "reading"}
    wrong = []
    for route in every_route():
        if route.method in SAFE or route.path in OPEN or route.path.endswith("/logout"):
            continue
        answer = send(chief, route, home)
        if answer.status_code >= 500:
            wrong.append(f"{route}: {answer.status_code} {answer.text[:300]}")
        if answer.is_success:  # a refusal says again what it was given
            brought = answer.request.read().decode(errors="replace").lower()
            marks = find_marks(MARKS, _text(answer))
            wrong += [f"{route} tells {mark!r}" for mark in marks if mark not in brought]
        after = of_the_home()
        if after != before:
            changed = {kind for kind, _ in {*after} ^ {*before}}
            wrong.append(f"{route} changed {changed}: {answer.status_code} {answer.text[:200]}")
        before = after
    assert not wrong, "\n".join(wrong)
