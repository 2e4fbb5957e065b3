"""What people note of the past, and what came with us: of a site, of a river, of nothing at all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.past_events import (
    Observation,
    list_events,
    list_peak_units,
    note,
    withdraw,
)
from hypervisor.base.errors import UnknownError
from hypervisor.base.instants import parse
from hypervisor.database.connect import Connection, connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Registry, Series, Site
from tests.conftest import Stack
from tests.integration.evaluation.test_equality import new_world
from tests.integration.evaluation.world import CATALOGUE

pytestmark = pytest.mark.integration

DAY = datetime(2024, 3, 1, tzinfo=UTC)
HOURS_24 = 86_400_000_000


@pytest.fixture(scope="module")
def url(stack: Stack) -> Iterator[str]:
    with new_world(stack) as world:
        registry_queries.write(
            world.connection,
            Changes(
                sites=tuple(
                    Site(name=name, title=name, domain="flood", river=river)
                    for name, river in (
                        *(("mill", "Orge"), ("ford", "Orge"), ("weir", "Juine")),
                        *(("sarras", "Cance"), ("town", None)),
                    )
                ),
                devices=tuple(
                    Device(name=name, site=name, commissioned=DAY) for name in ("mill", "weir")
                ),
                series=tuple(
                    Series(device=device, quantity=quantity)
                    for device, quantity in (
                        *(("mill", "level"), ("mill", "discharge"), ("mill", "battery")),
                        ("weir", "discharge"),
                    )
                ),
            ),
        )
        world.connection.commit()
        yield world.url


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """Whatever is noted is forgotten again."""
    with connect(url) as own:
        yield own
        own.rollback()


@pytest.fixture
def sites(connection: Connection) -> Registry:
    return registry_queries.load(connection)


def noting(connection: Connection, sites: Registry, **more: Any) -> int:
    fields = {
        "site": "mill",
        "kind": "flood",
        "begins": DAY,
        "ends": DAY + timedelta(hours=5),
        "peak": None,
        "units": ["m"],
        "note": "water in the yard",
        **more,
    }
    author = fields.pop("author", "anne")
    return note(connection, sites, Observation(**fields), author=author)


def refusal(connection: Connection, sites: Registry, **more: Any) -> str:
    with pytest.raises((BacktestError, UnknownError)) as caught:
        noting(connection, sites, **more)
    return str(caught.value)


def audited(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT kind, subject, reason, author, details FROM audit ORDER BY id DESC LIMIT 2"
    )
    return [*rows]


def test_a_note_of_a_site_is_an_event_there_from_when_to_when(
    connection: Connection, sites: Registry
) -> None:
    number = noting(connection, sites, note="  water in the yard ")
    (entry,) = list_events(connection, sites, ["mill"])
    assert (entry.number, entry.name, entry.sites) == (1, "water in the yard", ("mill",))
    assert (entry.since, entry.until) == (
        parse("2024-03-01T00:00Z"),
        parse("2024-03-01T05:00Z"),
    )
    assert (entry.rules, entry.severity, entry.condition) == ((), None, None)
    assert (entry.apart, entry.lead, entry.nothing) == (HOURS_24, HOURS_24, False)
    assert list_events(connection, sites, ["ford"]) == []
    assert audited(connection)[0] == (
        *("past-event", "mill", "water in the yard", "anne"),
        {"event": number, "kind": "flood", "begins": "2024-03-01T00:00:00+00:00"},
    )


def test_a_note_of_a_river_is_of_all_its_sites(connection: Connection, sites: Registry) -> None:
    noting(connection, sites, site=None, river="Orge", kind="nothing")
    for site in ("mill", "ford"):
        (entry,) = list_events(connection, sites, [site])
        assert sorted(entry.sites) == ["ford", "mill"]
        assert entry.nothing
    assert list_events(connection, sites, ["weir", "town"]) == []
    assert audited(connection)[0][1] == "Orge"


def test_what_was_noted_comes_by_when_it_began_and_before_what_came_with_us(
    connection: Connection, sites: Registry
) -> None:
    noting(connection, sites, site="sarras", note="later", begins=DAY, ends=DAY)
    noting(
        *(connection, sites),
        site="sarras",
        note="earlier",
        begins=DAY - timedelta(days=9),
        ends=DAY - timedelta(days=8),
    )
    entries = list_events(connection, sites, ["sarras"])
    assert [(each.number, each.name) for each in entries] == [
        *((1, "earlier"), (2, "later")),
        *((3, "above 40 m3/s"), (4, "above 100 m3/s")),
    ]
    assert [each.name for each in list_events(connection, sites, ["mill"])] == []
    assert [each.number for each in list_events(connection, sites, ["sarras", "mill"])] == [
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize(
    ("peak", "stored"),
    [("1.97 m", (1.97, "m")), ("412 cm", (4.12, "m")), ("3,5", (3.5, "m")), (None, (None, None))],
)
def test_a_peak_is_kept_in_the_unit_asked_for(
    connection: Connection, sites: Registry, peak: str | None, stored: tuple[Any, Any]
) -> None:
    number = noting(connection, sites, peak=peak)
    row = connection.execute("SELECT peak, unit FROM past_event WHERE id = %s", [number])
    assert row.fetchone() == stored


@pytest.mark.parametrize(
    ("place", "quantity", "peak", "stored"),
    [
        ({"site": "weir"}, None, "120 m3/s", "120 m3/s"),
        ({"site": "weir"}, None, "120", "120 m3/s"),
        ({"site": "mill"}, None, "120 m3/s", "120 m3/s"),
        ({"site": "mill"}, None, "1.97", "1.97 m"),
        ({"site": "mill"}, "discharge", "120", "120 m3/s"),
        ({"site": None, "river": "Orge"}, None, "120000 l/s", "120 m3/s"),
        ({"site": "town"}, None, "1.97 m", "1.97 m"),
    ],
)
def test_a_peak_may_be_of_what_is_measured_there(  # noqa: PLR0913, PLR0917  where, what, and so
    connection: Connection,
    sites: Registry,
    place: dict[str, str | None],
    quantity: str | None,
    peak: str,
    stored: str,
) -> None:
    units = list_peak_units(sites, CATALOGUE, place["site"] or place["river"], quantity)
    number = noting(connection, sites, **place, peak=peak, units=units)
    (row,) = connection.execute("SELECT peak, unit FROM past_event WHERE id = %s", [number])
    assert f"{row[0]:g} {row[1]}" == stored


def test_a_note_that_was_withdrawn_counts_no_more(connection: Connection, sites: Registry) -> None:
    number = noting(connection, sites, site=None, river="Orge")
    gone = withdraw(connection, number, author="bob", reason="it was the Juine")
    assert (gone.id, gone.river, gone.note) == (number, "Orge", "water in the yard")
    assert list_events(connection, sites, ["mill"]) == []
    assert audited(connection)[0] == (
        *("past-event-withdraw", "Orge", "it was the Juine", "bob"),
        {"event": number},
    )
    for none in (number, 999):
        with pytest.raises(UnknownError) as caught:
            withdraw(connection, none, author="bob", reason="again")
        assert str(caught.value) == f"past event {none} does not exist, or was withdrawn"
    other = noting(connection, sites)
    assert withdraw(connection, other, author="bob", reason="no").site == "mill"
    assert audited(connection)[0][1] == "mill"


OFFSET = "`begins` and `ends` need an offset: write Z for UTC"
ORDER = "`begins` and `ends`, in order, in 1800 to 2200"
NAIVE = DAY.replace(tzinfo=None)
KINDS = "overflow, flood, heavy-rain, frost, heat, storm, outage, jam, other, nothing"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"river": "Orge"}, "give either the `site` or the `river` at which it happened"),
        ({"site": None}, "give either the `site` or the `river` at which it happened"),
        ({"site": "mil"}, "no site 'mil'; did you mean 'mill'?"),
        ({"site": None, "river": "Org"}, "no river 'Org'; did you mean 'Orge'?"),
        ({"site": None, "river": "None"}, "no river 'None'"),
        ({"kind": "wave"}, f"'wave' is none of {KINDS}"),
        ({"begins": NAIVE}, OFFSET),
        ({"ends": NAIVE}, OFFSET),
        ({"ends": DAY - timedelta(seconds=1)}, ORDER),
        ({"begins": datetime(1800, 1, 31, tzinfo=UTC)}, ORDER),
        ({"begins": DAY.replace(year=2201), "ends": DAY.replace(year=2201)}, ORDER),
        (
            {"ends": DAY + timedelta(days=60, seconds=1)},
            "`ends` must lie after `begins`, by at most 60 days: note several instead",
        ),
        ({"note": " "}, "describe what was observed, and where"),
        ({"peak": "high"}, "peak: 'high': expected a number"),
    ],
)
def test_what_cannot_be_noted_is_refused_with_what_would_do(
    connection: Connection, sites: Registry, more: dict[str, Any], problem: str
) -> None:
    assert refusal(connection, sites, **more).startswith(problem)


@pytest.mark.parametrize(
    "more",
    [
        {"ends": DAY},
        {"ends": DAY + timedelta(days=60)},
        {"begins": datetime(1800, 2, 1, tzinfo=UTC), "ends": datetime(1800, 2, 1, tzinfo=UTC)},
        {"begins": datetime(2200, 1, 1, tzinfo=UTC), "ends": datetime(2200, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_moment_and_sixty_days_may_be_noted(
    connection: Connection, sites: Registry, more: dict[str, Any]
) -> None:
    assert noting(connection, sites, **more) > 0
