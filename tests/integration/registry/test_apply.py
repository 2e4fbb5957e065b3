"""Inventories in the real database: once, twice, a change, a withdrawal, and the feed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.changes import Changes
from hypervisor.registry.inventory_files import read_sources, read_text
from hypervisor.registry.tree import InventoryError
from sensors._domain import catalogue

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SITE = """
sites:
  - name: bridge
    devices:
      - {name: gauge, commissioned: 2020-05-01, series: {level: 5 min}}
    thresholds: {alert: %s}
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        yield opened


def put(connection: Connection, text: str, *, effective: datetime | None = None) -> Changes:
    inventory = read_text(text, file="town.yaml", catalogue=catalogue())
    return apply_inventory(
        connection, inventory, author="ann", now=NOW, reason="trial", effective=effective
    )


def feed_kinds(connection: Connection) -> list[str]:
    return [entry.kind for entry in feed.read(connection, "0")[0]]


def test_the_examples_stand_together_and_a_second_apply_changes_nothing(
    connection: Connection,
) -> None:
    examples = [read_sources([name]) for name in ("essonne", "garonne", "poyo", "cance")]
    for example in examples:
        assert apply_inventory(connection, example, author="ann", now=NOW)
    before = registry_queries.load(connection)
    for example in examples:
        assert apply_inventory(connection, example, author="bob", now=NOW).lines == ()
    assert registry_queries.load(connection) == before
    assert feed_kinds(connection) == ["registry"] * 4
    assert sum(area.kind == "commune" for area in before.areas.values()) == 194
    others = [site for site in before.sites.values() if "hors Essonne" in site.title]
    assert len(others) == 22 + 1 + 3


def test_a_first_value_holds_from_commissioning_a_changed_one_from_now(
    connection: Connection,
) -> None:
    put(connection, SITE % "3.0 m")
    put(connection, SITE % "2.8 m")
    alerts = [
        revision
        for revision in registry_queries.load(connection).revisions
        if revision.kind == "threshold"
    ]
    assert [(alert.effective, alert.value and alert.value["value"]) for alert in alerts] == [
        (datetime(2020, 5, 1, tzinfo=UTC), 3.0),
        (NOW, 2.8),
    ]
    previous = connection.execute(
        "SELECT previous FROM revision WHERE kind = 'threshold' ORDER BY id"
    ).fetchall()
    assert previous == [(None,), (alerts[0].id,)]
    assert (alerts[0].author, alerts[0].reason) == ("ann", "trial")


def test_null_withdraws_and_absence_does_not(connection: Connection) -> None:
    put(connection, SITE % "3.0 m")
    put(connection, "sites: [{name: bridge, title: The bridge}]")
    registry = registry_queries.load(connection)
    assert registry.sites["bridge"].title == "The bridge"
    assert [revision.value for revision in registry.revisions if revision.kind == "threshold"] != [
        None
    ]
    put(connection, SITE % "null")
    assert registry_queries.load(connection).revisions[-1].value is None
    assert put(connection, SITE % "null").lines == ()


def test_a_retired_device_makes_room_for_the_next(connection: Connection) -> None:
    put(connection, SITE % "3.0 m")
    second = "      - {name: radar, commissioned: 2025-06-01, series: [level]}"
    with pytest.raises(InventoryError, match="2 devices in service for level"):
        put(connection, f"sites:\n  - name: bridge\n    devices:\n{second}\n")
    retired = "      - {name: gauge, retired: 2025-06-01}"
    text = f"sites:\n  - name: bridge\n    devices:\n{retired}\n{second}\n"
    assert put(connection, text).lines
    assert put(connection, text).lines == ()
    service = [
        (revision.key, revision.effective.year, revision.value and revision.value["in_service"])
        for revision in registry_queries.load(connection).revisions
        if revision.kind == "device"
    ]
    assert service == [("gauge", 2020, True), ("gauge", 2025, False), ("radar", 2025, True)]


def test_problems_change_nothing(connection: Connection) -> None:
    with pytest.raises(InventoryError):
        put(connection, (SITE % "3.0 m") + "links: [{from: bridge, to: brigde, travel: 1 h}]")
    assert registry_queries.load(connection).sites == {}
    assert feed_kinds(connection) == []


def test_a_dry_run_changes_nothing(connection: Connection) -> None:
    inventory = read_text(SITE % "3.0 m", file="town.yaml", catalogue=catalogue())
    changes = apply_inventory(connection, inventory, author="ann", now=NOW, dry_run=True)
    assert changes.lines
    assert registry_queries.load(connection).sites == {}


def test_history_is_judged_from_an_earlier_commissioning(connection: Connection) -> None:
    put(connection, SITE % "3.0 m")
    put(connection, (SITE % "3.0 m").replace("2020-05-01", "2008-01-01"))
    first = {
        revision.kind: revision.effective
        for revision in reversed(registry_queries.load(connection).revisions)
    }
    assert first == dict.fromkeys(
        ("device", "series", "threshold"), datetime(2008, 1, 1, tzinfo=UTC)
    )


def test_of_two_facts_said_at_once_the_second_points_at_the_first(connection: Connection) -> None:
    put(
        connection,
        (SITE % "3.0 m").replace("level: 5 min", "level: {interval: 5 min, effective: 2024-01-01}"),
    )
    rows = connection.execute(
        "SELECT id, previous, extract(year FROM effective)::int FROM revision"
        " WHERE kind = 'series' AND key = 'gauge/level' ORDER BY id"
    ).fetchall()
    (first, *nothing), (_, previous, year) = rows
    assert nothing == [None, 2020]
    assert (previous, year) == (first, 2024)
