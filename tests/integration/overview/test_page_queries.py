"""A page takes as many statements for many sites as for few: nothing is read site by site."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import psycopg
import pytest

from hypervisor.app import navigation
from hypervisor.database.connect import connect
from tests.integration.evaluation.world import Sent, World, make_world
from tests.integration.web.served import server, signed_in

pytestmark = pytest.mark.integration

FEW, MORE = 5, 25  # sites; a report draws four of them
MOST = 100  # statements of a page; a report with four charts takes most


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(_names(0, FEW))
        made.record_rules()
        made.join()
        yield made


def _names(first: int, last: int) -> list[str]:
    return [f"gauge-{number}" for number in range(first, last)]


def _flood(world: World, names: list[str], *, at: float) -> None:
    """These gauges, all above their alert level."""
    for minutes, level in ((at, 2.0), (at + 5, 3.1), (at + 10, 3.2), (at + 15, 4.2)):
        world.store([Sent(site=name, at=minutes, value=level) for name in names])
    world.beat(at + 20)
    world.settle()


def _counts(client: httpx.Client, pages: list[str], statements: list[str]) -> dict[str, list[str]]:
    counted = {}
    for page in pages:
        client.get(page)  # what is read once only is read
        tries = []
        for _ in range(2):  # threads of the server read, too, now and then
            statements.clear()
            answer = client.get(page)
            assert answer.status_code == 200, (page, answer.text)
            tries.append(list(statements))
        counted[page] = min(tries, key=len)
    return counted


def test_a_page_takes_as_many_statements_for_many_sites_as_for_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    execute: Any = psycopg.Cursor.execute

    def counting(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
        if "RESET ROLE" not in str(query):  # of the connection, once the answer is out
            statements.append(str(query))
        return execute(cursor, query, *more, **named)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    _flood(world, _names(0, FEW), at=0)
    with server(world.url) as base, signed_in(base, world.url) as client:
        (first, *_) = client.get("/api/v1/incidents").json()["incidents"]
        pages = [page.address for page in navigation.list_pages()]
        pages += [
            *("/report", "/wall", "/map/sites", "/map/ground", "/map/states"),
            *("/sites/gauge-1", f"/incidents/{first['number']}", f"/alarms/{first['number']}"),
            *("/alarms?flat=1", "/alarms?which=over"),
        ]
        few = _counts(client, pages, statements)
        world.register(_names(FEW, MORE))
        world.restart()
        _flood(world, _names(FEW, MORE), at=25)
        many = _counts(client, pages, statements)
    grown = {
        page: [text for text in set(many[page]) if many[page].count(text) > few[page].count(text)]
        for page in pages
        if len(many[page]) > len(few[page])
    }
    assert grown == {}
    assert {page: len(many[page]) for page in pages if len(many[page]) > MOST} == {}
