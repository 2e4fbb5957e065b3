"""Three databases: who gets in, what an acknowledged commit promises, and what clients notice."""

import asyncio
import itertools
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing, closing, suppress
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from hypervisor.broker.child import command_line, wait_until
from hypervisor.cluster.patroni import LEASE_SECONDS
from hypervisor.database import databases as made_databases
from hypervisor.database import events, locks
from hypervisor.database.connect import (
    Connection,
    StoreError,
    connect,
    listen,
    migrate,
)
from hypervisor.database.events import News, Parts
from hypervisor.database.locks import Lock
from hypervisor.database.pool import InDoubtError, Pool
from hypervisor.database.worker import keep_working
from tests.cluster.databases import Databases, patroni_databases
from tests.cluster.network import three_machines

pytestmark = pytest.mark.timeout(900)
BATCHES = itertools.count(10_000_000, 1_000_000)  # of rows that are written
SOON = 120.0  # s: a machine under load


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    with (
        tempfile.TemporaryDirectory(prefix="hypervisor-three-") as name,
        three_machines() as network,
        patroni_databases(network, Path(name)) as databases,
    ):
        databases.await_primary()
        url = databases.url.replace("/postgres?", "/hypervisor?")
        with network.machines[0].inside():
            made_databases.create(databases.url, "hypervisor")
            with closing(connect(url, autocommit=True)) as connection:
                connection.execute("CREATE TABLE written (row int PRIMARY KEY)")
        databases.url = url
        yield databases


@pytest.fixture
def primary(databases: Databases) -> int:
    """Which machine has the primary, now that all three are well again."""
    return databases.await_primary()


def session(databases: Databases, machine: int, *, only: int | None = None) -> Connection:
    """A session from a machine with the primary, or with that of one machine, be it what it is."""
    url = databases.url if only is None else url_of(databases, only)
    with databases.network.machines[machine].inside():
        return connect(url, autocommit=True)


def url_of(databases: Databases, machine: int) -> str:
    address = databases.network.machines[machine].address
    return make_conninfo(databases.url, host=address, port="5432", target_session_attrs="any")


def others(machine: int) -> tuple[int, int]:
    first, second = (each for each in range(3) if each != machine)
    return first, second


def await_other_primary(databases: Databases, lost: int) -> int:
    """The machine whose database has become the primary, seen from one that is left."""
    found: list[int] = []

    def look() -> bool:
        with suppress(StoreError, psycopg.Error), session(databases, others(lost)[0]) as asked:
            row = asked.execute("SELECT host(inet_server_addr())").fetchone()
            addresses = [each.address for each in databases.network.machines]
            found.extend([addresses.index(row[0])] if row else [])
        return bool(found) and found[-1] != lost

    assert wait_until(look, seconds=SOON, every=0.2)
    return found[-1]


class Writer:
    """Commits rows from a machine, and remembers those whose commit was acknowledged."""

    def __init__(self, databases: Databases, machine: int, first: int) -> None:
        self.acknowledged: set[int] = set()
        self._databases, self._machine, self._next = databases, machine, first
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def goes_on(self, seconds: float = SOON) -> bool:
        before = len(self.acknowledged)
        return wait_until(lambda: len(self.acknowledged) > before + 3, seconds=seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with (
                suppress(StoreError, psycopg.Error),
                session(self._databases, self._machine) as connection,
            ):
                while not self._stopping.wait(0.01):
                    self._next += 1
                    connection.execute("INSERT INTO written VALUES (%s)", [self._next])
                    self.acknowledged.add(self._next)


def stored(databases: Databases, machine: int) -> set[int]:
    with session(databases, machine) as connection:
        return {row for (row,) in connection.execute("SELECT row FROM written")}


# -- who gets in ----------------------------------------------------------------------------------


def test_a_stranger_on_the_network_gets_in_nowhere(databases: Databases, primary: int) -> None:
    address = databases.network.machines[primary].address
    unknown = ssl.create_default_context()
    unknown.check_hostname, unknown.verify_mode = False, ssl.CERT_NONE
    with databases.network.outside.inside():
        for port, path in ((2379, "version"), (8008, "patroni")):
            with pytest.raises((URLError, OSError), match=r"(?i)ssl|certificate|alert"):
                urlopen(f"https://{address}:{port}/{path}", timeout=5, context=unknown).read()
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba.conf entry"):
            psycopg.connect(url_of(databases, primary))
    with databases.network.machines[primary].inside():
        for change, problem in (
            ({"sslmode": "disable", "channel_binding": "prefer"}, "no encryption"),
            ({"password": "guessed"}, "password authentication failed"),
        ):
            wrong = make_conninfo(databases.url, host=address, port="5432", **change)
            with pytest.raises(psycopg.OperationalError, match=problem):
                psycopg.connect(wrong)


# -- what is lost with a machine -------------------------------------------------------------------


def test_what_a_lost_machine_acknowledged_is_there_and_the_machine_comes_back_empty(
    databases: Databases, primary: int
) -> None:
    left = others(primary)[0]
    with Writer(databases, left, first=1_000_000) as writer:
        assert writer.goes_on()
        databases.lose(primary, "machine")
        assert writer.goes_on()
    assert writer.acknowledged <= stored(databases, left)
    for lost in ("database", "etcd"):
        shutil.rmtree(databases.data[primary].with_name(lost))
    databases.heal(primary, "machine")
    assert databases.await_primary() != primary
    with session(databases, left, only=primary) as copy:
        rows = {row for (row,) in copy.execute("SELECT row FROM written")}
    assert writer.acknowledged <= rows


def test_a_primary_that_is_cut_off_acknowledges_nothing_and_stops(
    databases: Databases, primary: int
) -> None:
    writing = session(databases, primary, only=primary)
    writing.execute("INSERT INTO written VALUES (2000000)")
    databases.lose(primary, "wire")
    acknowledged = threading.Event()

    def write() -> None:
        with suppress(psycopg.Error):
            writing.execute("INSERT INTO written VALUES (2000001)")
            acknowledged.set()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    other = await_other_primary(databases, primary)
    thread.join(SOON)
    assert not thread.is_alive()
    assert not acknowledged.is_set()
    databases.heal(primary, "wire")
    databases.await_primary()
    assert {2000000, 2000001} & stored(databases, other) == {2000000}


def test_a_patroni_that_hangs_leaves_no_primary_behind(databases: Databases, primary: int) -> None:
    first = int((databases.data[primary] / "postmaster.pid").read_text().split()[0])
    databases.lose(primary, "hang")
    left = others(primary)[0]
    with Writer(databases, left, first=3_000_000) as writer:
        assert wait_until(lambda: not command_line(first), seconds=SOON), "the guard ends it"
        assert writer.goes_on()
    assert await_other_primary(databases, primary) != primary
    databases.heal(primary, "hang")
    databases.await_primary()
    assert writer.acknowledged <= stored(databases, left)


def test_a_patroni_that_is_killed_and_started_again_keeps_its_primary(
    databases: Databases, primary: int
) -> None:
    first = (databases.data[primary] / "postmaster.pid").read_text().split()[0]
    databases.lose(primary, "supervisor")
    databases.heal(primary, "supervisor")
    time.sleep(10)  # longer than a lease, and than the former guard waits
    assert databases.await_primary() == primary
    assert (databases.data[primary] / "postmaster.pid").read_text().split()[0] == first


@pytest.mark.parametrize("leads", ["a", "b"])
@pytest.mark.parametrize("deaf", ["a<p a<b", "a<p", "a<b", "p<a", "b<a"])
def test_a_majority_that_is_well_keeps_its_primary(
    databases: Databases, primary: int, deaf: str, leads: str
) -> None:
    """`a<p`: copy a does not hear the primary; b is the other copy. `leads`: etcd's leader.

    If the leader of etcd hears nobody, etcd has no leader for up to 4 s, and Patroni may start the
    primary again in its place.
    """
    first, second = others(primary)
    machines = {"p": primary, "a": first, "b": second}
    databases.lead_etcd(machines[leads])
    server = (databases.data[primary] / "postmaster.pid").read_text().split()[0]
    places = databases.network.machines
    with Writer(databases, second, first=next(BATCHES)) as writer:
        assert writer.goes_on()
        try:
            for who, to in (each.split("<") for each in deaf.split()):
                databases.network.deafen(places[machines[who]], to=places[machines[to]])
            time.sleep(2 * LEASE_SECONDS)
            assert writer.goes_on()
        finally:
            databases.network.join()
    assert databases.await_primary() == primary
    if (deaf, leads) != ("a<p a<b", "a"):
        assert (databases.data[primary] / "postmaster.pid").read_text().split()[0] == server


# -- what clients notice ---------------------------------------------------------------------------


def test_a_lock_of_a_machine_that_is_cut_off_is_free_within_seconds(
    databases: Databases, primary: int
) -> None:
    cut_off, left = others(primary)
    holding = session(databases, cut_off)
    assert locks.take(holding, Lock.ROLLING_UP)
    with session(databases, left) as waiting:
        assert not locks.take(waiting, Lock.ROLLING_UP)
        databases.lose(cut_off, "wire")
        try:
            assert wait_until(lambda: locks.take(waiting, Lock.ROLLING_UP), seconds=SOON, every=0.5)
        finally:
            databases.heal(cut_off, "wire")
    holding.close()


def test_parts_and_the_web_go_on_with_the_next_primary(databases: Databases, primary: int) -> None:
    left = others(primary)[0]
    woken, stopping = threading.Event(), threading.Event()
    said: list[str] = []

    def work(connection: Connection) -> None:
        listen(connection, "moved")
        while not stopping.is_set():
            for _ in connection.notifies(timeout=0.2, stop_after=1):
                woken.set()

    def part() -> None:
        with databases.network.machines[left].inside():
            keep_working("it", databases.url, work, stopping=stopping.is_set, say=said.append)

    thread = threading.Thread(target=part, daemon=True)
    thread.start()
    with databases.network.machines[left].inside():
        pool = Pool(databases.url)
        pool.open()
    try:
        with pool.writing() as connection:
            connection.execute("INSERT INTO written VALUES (4000000)")
        databases.lose(primary, "server")

        def writes() -> bool:
            with suppress(StoreError), pool.writing() as connection:
                connection.execute("INSERT INTO written VALUES (4000001) ON CONFLICT DO NOTHING")
                connection.execute("NOTIFY moved")
            return woken.is_set()

        assert wait_until(writes, seconds=SOON, every=0.2), said
        assert {4000000, 4000001} <= stored(databases, left)
    finally:
        stopping.set()
        thread.join(SOON)
        pool.close()


def test_a_write_that_is_cut_off_at_its_commit_is_said_to_be_in_doubt(
    databases: Databases, primary: int
) -> None:
    with databases.network.machines[primary].inside():
        pool = Pool(databases.url)
        pool.open()

    def write() -> None:
        with pool.writing() as connection:
            connection.execute("INSERT INTO written VALUES (5000000)")
            databases.lose(primary, "wire")

    try:
        with pytest.raises(InDoubtError):
            write()
    finally:
        databases.heal(primary, "wire")
        pool.close()


def test_a_number_that_is_given_to_a_second_transaction_hides_no_event(
    databases: Databases, primary: int
) -> None:
    """A primary numbered transactions that no copy knows of; the next gives the numbers again."""
    here = databases.network.machines[primary]
    with here.inside(), connect(databases.url) as connection:
        migrate(connection)
    with session(databases, primary, only=primary) as local:
        events.record(local, "log", "before", sites=None)
        databases.lose(primary, "wire")
        for _ in range(300):
            with local.transaction(force_rollback=True):
                ((burnt,),) = local.execute("SELECT pg_current_xact_id()::text::bigint")
        with here.inside():
            upto = asyncio.run(look(url_of(databases, primary), None)).upto
    try:
        other = await_other_primary(databases, primary)
        with session(databases, other) as connection, connection.transaction():
            events.record(connection, "log", "after", sites=None)
            ((given,),) = connection.execute("SELECT pg_current_xact_id()::text::bigint")
        assert given < burnt, "the number is given a second time"
        with databases.network.machines[other].inside():
            news = asyncio.run(look(databases.url, upto))
        assert [event.key for event in news.events] == ["after"]
    finally:
        databases.heal(primary, "wire")


async def look(url: str, since: int | None) -> News:
    """What a follower reads first."""
    async with aclosing(events.follow(url, since, patience=0.01)) as following:
        assert isinstance(await anext(following), Parts)
        news = await anext(following)
    assert isinstance(news, News)
    return news
