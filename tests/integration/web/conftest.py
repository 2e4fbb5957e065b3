"""Two towns of two EPCI, each with a gauge in alarm; the API on them, and who may this or that."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest

from hypervisor.database.connect import connect
from tests.conftest import Stack
from tests.integration.evaluation.world import Sent, World, find_world, make_world
from tests.integration.web.served import EVERYTHING, server, signed_in

DEPARTEMENT, NORTH, SOUTH = "91", "200000001", "200000002"  # the Orge's EPCI, the Yvette's
ORGE, YVETTE = "91001", "91002"  # their communes
AREAS = (
    (DEPARTEMENT, "departement", "Essonne", None),
    (NORTH, "epci", "Nord", DEPARTEMENT),
    (SOUTH, "epci", "Sud", DEPARTEMENT),
    (ORGE, "commune", "Orge-le-Bourg", NORTH),
    (YVETTE, "commune", "Yvette-le-Bourg", SOUTH),
)
ClientOf = Callable[..., httpx.Client]


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with fresh_towns(stack) as made:
        yield made


@contextmanager
def fresh_towns(
    stack: Stack,
    other: str = "yvette",
    *,
    name: str = "towns",
    fill: Callable[[World], object] = lambda _: None,
) -> Iterator[World]:
    """A copy of the two towns, which are made once a session; `name`: how `fill` left them."""

    def make(url: str) -> None:
        with closing(two_towns(url, other)) as made:
            fill(made)

    template = stack.prepare(f"{name}_{other}", make)
    with stack.fresh_database(template) as url, closing(find_world(url)) as found:
        yield found


def two_towns(url: str, other: str = "yvette") -> World:
    """Both gauges in alarm, the Orge's and the other one."""
    made = make_world(url, connect(url))
    made.register(["orge", other])
    place(made, other)
    made.record_rules()
    made.join()
    for at, value in ((0, 2.0), (5, 3.1), (10, 3.2), (15, 4.2)):
        made.store([Sent(site=site, at=at, value=value) for site in ("orge", other)])
    made.beat(20)
    made.settle()
    return made


def place(world: World, other: str = "yvette") -> None:
    """The territory, and each gauge in its commune."""
    connection = world.connection
    for number, table in enumerate(("alarm", "audit", "dead_letter", "log_entry", "handover")):
        # Numbers by which a thing is known again in a text.
        connection.execute(
            f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH {71001 + number * 1000}"
        )
    for row in AREAS:
        connection.execute(
            "INSERT INTO area (code, kind, name, parent) VALUES (%s, %s, %s, %s)", row
        )
    for site, commune in (("orge", ORGE), (other, YVETTE)):
        connection.execute("UPDATE site SET commune = %s WHERE name = %s", [commune, site])
    connection.execute(
        "UPDATE area SET name = %s WHERE code = %s", [f"{other.title()}-le-Bourg", YVETTE]
    )
    connection.commit()


@pytest.fixture
def base(world: World) -> Iterator[str]:
    """The address of the application on the world's database."""
    with server(world.url) as found:
        yield found


@pytest.fixture
def client(base: str, world: World) -> Iterator[httpx.Client]:
    """The administrator of everything."""
    with signed_in(base, world.url, "anne", EVERYTHING) as found:
        yield found


@pytest.fixture
def client_of(base: str, world: World) -> Iterator[ClientOf]:
    """`client_of("operator", NORTH)`: somebody who is that there (None: everywhere)."""
    with ExitStack() as stack:

        def made(role: str, area: str | None = None, *, name: str = "") -> httpx.Client:
            who = name or f"{role}-{area or 'all'}"
            return stack.enter_context(signed_in(base, world.url, who, ((role, area),)))

        yield made
