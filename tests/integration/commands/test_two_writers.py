"""Two people change the same thing at once: exactly one wins, and the other learns of it."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier
from typing import Any

import httpx
import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.export_yaml import describe_registry, format_yaml
from hypervisor.registry.inventory_files import read_text
from sensors._domain import catalogue
from tests.integration.commands.conftest import Room
from tests.integration.commands.test_proposals import AUTOMATIC, RULE, revise, rule

pytestmark = pytest.mark.integration

SOON = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
Write = Callable[[httpx.Client, str | None, int], httpx.Response]


def _later(hours: int) -> str:
    return (datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)).isoformat()


def _headers(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": etag}


def _put(path: str, body: Callable[[int], dict[str, Any]], method: str = "PUT") -> Write:
    return lambda client, etag, number: client.request(
        method, path, json=body(number), headers=_headers(etag)
    )


WORKS = _put(
    "/api/v1/works/rd446.2024",
    lambda number: {"sites": ["orge"], "ends": _later(number), "reason": f"works {number}"},
)
TEAM = _put(
    "/api/v1/teams/two-writers",
    lambda number: {"title": f"Team {number}", "members": [], "reason": "test"},
)
ACCOUNT = _put("/api/v1/accounts/olga", lambda number: {"title": f"Olga {number}"}, "PATCH")
ARMING = _put(
    "/api/v1/armed-rules",
    lambda number: {"rule": RULE, "site": "orge", "ends": SOON, "reason": f"by {number}"},
)
INTERLOCK = _put(
    "/api/v1/interlocks",
    lambda number: {
        "owner": "device/sign-1",
        "kind": "sign_text",
        "condition": f"battery > {number} %",
        "reason": "test",
    },
)
WRITTEN = _put(
    "/api/v1/rules/flood-two-writers",
    lambda number: {
        "written": {
            "id": "flood-two-writers",
            "title": "{site}: x",
            "when": f"level > {number / 10} m",
            "severity": "minor",
            "advice": "x",
            "wrong when": "x",
            "tests": [{"name": "dry", "every": "1 h", "level": "0 0 0", "expect": "nothing"}],
        },
        "reason": "test",
    },
)
THRESHOLD = _put(
    "/api/v1/thresholds/orge/attention",
    lambda number: {"value": f"{number / 10} m", "reason": "test"},
)
# What is written, where its ETag stands (None: in the answer of a write), and whether something
# new needs none.
KINDS: dict[str, tuple[Write, str | None, bool]] = {
    "works": (WORKS, "/api/v1/works/rd446.2024", True),
    "team": (TEAM, None, True),
    "account": (ACCOUNT, "/api/v1/accounts/olga", True),
    "arming": (ARMING, "/api/v1/armed-rules", True),
    "interlock": (INTERLOCK, "/api/v1/interlocks", True),
    "rule": (WRITTEN, "/api/v1/rules/flood-two-writers", True),
    "threshold": (THRESHOLD, "/api/v1/thresholds/orge/attention", True),
}


@pytest.fixture(scope="module")
def armable(connection_of_module: Connection) -> None:
    revise(connection_of_module, "rule", RULE, rule(AUTOMATIC))


@pytest.fixture(scope="module")
def connection_of_module(room: Room) -> Iterator[Connection]:
    with connect(room.url) as opened:
        yield opened


def race(
    clients: tuple[httpx.Client, httpx.Client], write: Write, etag: str | None, numbers: list[int]
) -> list[int]:
    """The statuses of two writes at the same moment, the lower first."""
    barrier = Barrier(2)

    def work(client: httpx.Client, number: int) -> httpx.Response:
        barrier.wait()
        return write(client, etag, number)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(work, clients, numbers))
    for answer in answers:
        if answer.status_code == 412:
            assert "meanwhile" in answer.json()["detail"], answer.text
    return sorted(answer.status_code for answer in answers)


@pytest.mark.usefixtures("armable")
@pytest.mark.parametrize("kind", KINDS)
def test_of_two_with_the_same_etag_exactly_one_wins(room: Room, kind: str) -> None:
    write, address, is_guarded = KINDS[kind]
    numbers = Random(kind).sample(range(3, 90), 8)
    with httpx.Client(
        base_url=room.base, cookies=room.ada.cookies, headers=room.ada.headers, timeout=30
    ) as other:
        clients = room.ada, other
        first = write(room.ada, None, 1)
        if first.status_code == 428:  # another test of this room wrote it before
            first = write(room.ada, "*", 1)
        assert first.is_success, first.text
        if is_guarded:  # "new" never writes over what stands
            again = write(other, None, 2)
            assert again.status_code == 428, again.text
            assert "exists already" in again.json()["detail"]
        for _ in range(4):
            shown = first if address is None else room.ada.get(address)
            etag = shown.headers["etag"]
            won, lost = race(clients, write, etag, [numbers.pop(), numbers.pop()])
            assert (won in (200, 204), lost) == (True, 412)
            stale = write(other, etag, 91)
            assert stale.status_code == 412, stale.text
            if address is None:
                mark = next(
                    team["mark"]
                    for team in room.ada.get("/api/v1/teams").json()["teams"]
                    if team["name"] == "two-writers"
                )
                first = write(room.ada, f'"{mark}"', 2)
                assert first.is_success, first.text


@pytest.mark.usefixtures("armable")
def test_disarming_is_never_too_late(room: Room) -> None:
    etag = room.ada.get("/api/v1/armed-rules").headers["etag"]
    assert ARMING(room.ada, "*", 1).is_success
    assert ARMING(room.ada, etag, 2).status_code == 412
    body = {"rule": RULE, "site": "orge", "ends": None, "reason": "crew on site"}
    off = room.anne.put("/api/v1/armed-rules", json=body, headers={"If-Match": etag})
    assert off.status_code == 200, off.text
    assert off.json()["armed"] == []


def test_two_new_ones_of_a_name_are_one(room: Room) -> None:
    """As a team and as works, by API and by form."""
    for number in range(4):
        write = _put(
            f"/api/v1/teams/fresh-{number}", lambda n: {"title": f"T{n}", "reason": "test"}
        )
        with httpx.Client(
            base_url=room.base, cookies=room.ada.cookies, headers=room.ada.headers, timeout=30
        ) as other:
            assert race((room.ada, other), write, None, [1, 2]) == [204, 428]
    form = {"name": "fresh-0", "title": "Mine now", "reason": "new", "area": ""}
    refused = room.ada.post("/teams", data=form)
    assert refused.status_code == 422, refused.text
    assert re.search("déjà pris|taken|already", refused.text)
    titles = [team["title"] for team in room.ada.get("/api/v1/teams").json()["teams"]]
    assert "Mine now" not in titles


def test_a_refused_form_of_a_team_keeps_its_identity(room: Room) -> None:
    write = _put("/api/v1/teams/kept", lambda n: {"title": f"T{n}", "reason": "test"})
    mark = write(room.ada, None, 1).headers["etag"].strip('"')
    page = room.ada.get("/teams/kept").text
    assert f'name="seen" value="{mark}"' in page
    form = {"name": "kept", "title": "T2", "reason": "", "area": "", "seen": mark}
    refused = room.ada.post("/teams", data=form)
    assert refused.status_code == 422, refused.text
    assert f'name="seen" value="{mark}"' in refused.text
    assert "readonly" in refused.text
    assert room.ada.post("/teams", data=form | {"reason": "yes"}).status_code == 303
    late = room.ada.post("/teams", data=form | {"reason": "late", "title": "T3"})
    assert late.status_code == 409, late.text
    assert re.search("entre-temps|meanwhile", late.text)
    assert f'name="seen" value="{mark}"' in late.text


def test_names_that_are_accepted_go_out_and_in_again(
    room: Room, connection_of_module: Connection
) -> None:
    """Of works: what the API and the command line take, an inventory takes, too; else neither."""
    connection, words = connection_of_module, catalogue()
    names = ["a", "rd446.2024", "RD-446_x", "9.9.9", "x" * 100, "a..b"]
    for name in names:
        body = {"sites": ["orge"], "ends": SOON, "reason": "works"}
        answer = room.ada.put(f"/api/v1/works/{name}", json=body)
        assert answer.status_code in (200, 428), answer.text
    for name in ("x" * 101, ".a", "-a", "é", "a b"):
        assert room.ada.put(f"/api/v1/works/{name}", json=body).status_code == 422, name
    connection.rollback()
    registry = registry_queries.load(connection)
    text = format_yaml({"works": describe_registry(registry, words)["works"]})
    again = apply_inventory(
        connection,
        read_text(text, file="again.yaml", catalogue=words),
        author="ada",
        reason="again",
        now=datetime.now(UTC),
        dry_run=True,
    )
    assert not [each for each in again.revisions if each.key in names]
