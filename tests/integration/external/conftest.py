"""A live instance with two communes, and a source that calls its webhooks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx
import pytest

from hypervisor.access import queries as access_queries
from hypervisor.access.service import create_token
from hypervisor.accounts.service import Administrator, NewAccount, create_account
from hypervisor.base.duties import Duty, Role
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import micros
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.external.service import settle
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Area, Site
from tests.integration.web.served import EVERYTHING, Roles, server, signed_in

BEGIN = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NORTH, SOUTH = "91021", "91645"
SOURCE = "prometheus"


@dataclass(kw_only=True)
class Hooked:
    """One live instance. Times are minutes after BEGIN."""

    url: str
    connection: Connection
    base: str = ""
    token: str = ""
    now: datetime = BEGIN
    clients: list[httpx.Client] = field(default_factory=list)

    def found(self, mode: Mode = Mode.LIVE) -> None:
        instance_store.create(self.connection, Instance(mode=mode, name="Essonne"))
        areas = (
            Area(code="91", kind="departement", name="Essonne"),
            Area(code="200057859", kind="epci", name="Cœur d'Essonne", parent="91"),
            Area(code=NORTH, kind="commune", name="Arpajon", parent="200057859"),
            Area(code=SOUTH, kind="commune", name="Verrières", parent="200057859"),
        )
        site = Site(name="orge", title="Orge à Arpajon", domain="flood", commune=NORTH)
        registry_queries.write(self.connection, Changes(areas=areas, sites=(site,)))
        self.connection.commit()
        self.token = self.add_source(SOURCE, title="Prometheus")

    def add_source(self, name: str, *, title: str = "", area: str | None = None) -> str:
        """A source, limited to an area or not; its token."""
        new = NewAccount(name=name, title=title, roles=((Role.SOURCE, area),))
        number = create_account(self.connection, new, Administrator(name="test"))
        owner = access_queries.get_person(self.connection, number)
        _, secret = create_token(
            self.connection,
            owner,
            name="webhook",
            scopes=[Duty.SEND],
            now=self.now,
            ends_at=self.now + timedelta(days=700),
        )
        self.connection.commit()
        return secret

    def post(
        self,
        body: Any,
        *,
        at: float = 0,
        kind: str = "alertmanager",
        source: str = SOURCE,
        token: str | None = None,
    ) -> httpx.Response:
        """A call of a webhook; `body`: bytes, or what becomes JSON."""
        self.now = self.at(at)
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        address = f"{self.base}/api/v1/hooks/{kind}/{source}"
        return httpx.post(address, headers=headers, timeout=60, **sent)

    def at(self, minutes: float) -> datetime:
        return BEGIN + timedelta(minutes=minutes)

    def value(self, query: LiteralString) -> Any:
        """The one value of a query."""
        row = self.connection.execute(query).fetchone()
        self.connection.commit()
        return row[0] if row else None

    def settle(self, at: float) -> int:
        """What `collect` does every second."""
        self.now = self.at(at)
        done = settle(self.connection, now=micros(self.now))
        self.connection.commit()
        return done

    def client(self, name: str = "anne", roles: Roles = EVERYTHING) -> httpx.Client:
        made = signed_in(self.base, self.url, name, roles, now=self.now)
        self.clients.append(made)
        return made

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.connection.close()


@pytest.fixture
def wall(database_url: str) -> Iterator[Hooked]:
    """One whose clock is the wall's, for programs that have their own."""
    made = Hooked(url=database_url, connection=connect(database_url), now=datetime.now(UTC))
    made.found()
    with server(database_url, clock=lambda: datetime.now(UTC)) as made.base:
        yield made
    made.close()


@pytest.fixture
def hooked(database_url: str) -> Iterator[Hooked]:
    made = Hooked(url=database_url, connection=connect(database_url))
    made.found()
    with server(database_url, clock=lambda: made.now) as base:
        made.base = base
        yield made
    made.close()
