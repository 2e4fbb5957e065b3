"""A database or a client that vanishes without a word is given up by the other side, and soon."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.broker.child import wait_until
from hypervisor.database import connect as connections
from hypervisor.database import events, panels
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect, migrate
from hypervisor.database.locks import Lock
from hypervisor.database.pool import Pool
from hypervisor.evaluation import loop as watching
from hypervisor.notifications import running as notifying
from hypervisor.readings.queries_ingest import Intake
from ingest.batch import Batch, Listened
from ingest.ports import UnavailableError
from sensors._domain import catalogue
from sensors._row import no_rows
from tests.conftest import Stack
from tests.wires import Cable, cable, database_behind

pytestmark = pytest.mark.integration

BOUND = 45.0  # s: 20 s of silence, the next probe, five parts on a busy machine
SOON = "?tcp_user_timeout=1000&keepalives_idle=1&keepalives_interval=1&connect_timeout=2"


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A database and the cable to it."""

    cable: Cable
    url: str


@pytest.fixture(scope="module")
def remote(stack: Stack) -> Iterator[Remote]:
    with cable() as laid, database_behind(laid, stack.database) as url:
        with laid.at_the_other_end(), connect(url) as connection:
            migrate(connection)
            instance_store.create(connection, Instance(mode=Mode.LIVE, name="remote"))
        yield Remote(cable=laid, url=url)


@pytest.fixture
def unplugged(remote: Remote) -> Iterator[Callable[[], None]]:
    yield remote.cable.cut
    remote.cable.mend()


def far(remote: Remote, url: str = "", *, autocommit: bool = False) -> Connection:
    with remote.cable.at_the_other_end():
        return connect(url or remote.url, autocommit=autocommit)


def running(connection: Connection) -> set[int]:
    """The transactions that the feed's reader must wait for."""
    rows = connection.execute(
        "SELECT backend_xid::text::bigint FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
    )
    return {row[0] for row in rows}


def test_who_listens_notices_a_vanished_server(
    remote: Remote, unplugged: Callable[[], None]
) -> None:
    with far(remote, remote.url + SOON, autocommit=True) as connection:
        connections.listen(connection, "anything")
        unplugged()
        with pytest.raises(psycopg.OperationalError):
            connections.wait_for_notification(connection, 30)


def test_the_open_transaction_of_a_vanished_client_is_ended(
    remote: Remote, unplugged: Callable[[], None]
) -> None:
    vanishing = far(remote)
    with closing(vanishing), connect(remote.url, autocommit=True) as here:
        vanishing.execute("SET tcp_user_timeout = '1s'")
        vanishing.execute("SET tcp_keepalives_idle = 1")
        (mine,) = vanishing.execute("SELECT pg_current_xact_id()::text::bigint").fetchone() or (0,)
        assert mine in running(here)
        unplugged()
        assert wait_until(lambda: mine not in running(here), seconds=30)


def test_every_session_has_the_bounds_on_both_sides(database_url: str) -> None:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
    pool = Pool(database_url)
    pool.open()
    intake = Intake(url=database_url, worker="one", catalogue=catalogue())
    with (
        connect(database_url) as connection,
        pool.writing() as writing,
        panels.reader(database_url) as reading,
        closing(intake.open()) as storing,
    ):
        for each in (connection, writing, reading, storing):
            with socket.socket(fileno=socket.dup(each.fileno())) as own:
                assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
                assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
            for name, value in {
                "tcp_user_timeout": "20000",  # as the kernel says it, in ms
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "3",
                "tcp_keepalives_count": "5",
                # A request of the web ends with its client, and its query soon after.
                "client_connection_check_interval": "1s" if each is writing else "5s",
                "TimeZone": "UTC",
            }.items():
                assert each.execute(f"SHOW {name}".encode()).fetchone() == (value,)
        idle = b"SHOW idle_in_transaction_session_timeout"
        assert connection.execute(idle).fetchone() == ("15min",)
        for short in (writing, storing):
            assert short.execute(idle).fetchone() == ("1min",)
    pool.close()


def test_what_the_address_says_comes_first(database_url: str) -> None:
    options = "options=-c%20idle_in_transaction_session_timeout%3D9s"
    with connect(f"{database_url}?tcp_user_timeout=7000&{options}") as connection:
        shown = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        assert shown == ("9s",)
        with socket.socket(fileno=socket.dup(connection.fileno())) as own:
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000


@pytest.mark.long
def test_a_server_that_accepts_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "ALONE", replace(connections.ALONE, connect=2))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(StoreError, match=f"no database answers at 127.0.0.1:{port}"):
            connect(f"postgresql://hypervisor@127.0.0.1:{port}/hypervisor")


def test_a_batch_whose_transaction_the_server_ended_is_tried_again(database_url: str) -> None:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
    intake = Intake(url=database_url, worker="one", catalogue=catalogue())
    stopped = intake.open()  # as one that was stopped in the middle of a transaction
    stopped.execute("SET idle_in_transaction_session_timeout = '50ms'")
    pid = stopped.info.backend_pid
    with connect(database_url, autocommit=True) as here:
        gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
        assert wait_until(lambda: here.execute(gone, [pid]).fetchone() == (True,), seconds=30)
    with pytest.raises(UnavailableError):
        intake.commit(Batch(rows=no_rows(), listened={"": Listened(heard=1_700_000_000_000_000)}))
    intake.commit(Batch(rows=no_rows(), listened={"": Listened(heard=1_700_000_000_000_000)}))
    intake.close()


class Parts:
    """What each part does with the database, at the other end of the cable, and what it says."""

    def __init__(self, remote: Remote, folder: Path) -> None:
        self.url, self.cable, self.folder = remote.url, remote.cable, folder
        self.stop = threading.Event()
        works = (self.watch, self.notify, self.follow, self.web, self.ingest)
        self.said: dict[str, list[str]] = {work.__name__: [] for work in works}
        self.threads = [threading.Thread(target=self._run, args=(work,)) for work in works]
        for thread in self.threads:
            thread.start()

    def _run(self, work: Callable[[Callable[[str], None]], None]) -> None:
        with self.cable.at_the_other_end():
            work(self.said[work.__name__].append)

    def watch(self, say: Callable[[str], None]) -> None:
        wiring = watching.Wiring(
            url=self.url,
            catalogue=catalogue(),
            packs=(),
            retention=10**15,
            clock=lambda: datetime.now(UTC),
        )
        watching.run(wiring, stop=self.stop, say=say)

    def notify(self, say: Callable[[str], None]) -> None:
        settings = Settings(data=self.folder, database_url=self.url)
        notifying.run_notifier(settings, stopping=self.stop.is_set, say=say)

    def follow(self, say: Callable[[str], None]) -> None:
        async def follow() -> None:
            async with aclosing(events.follow(self.url, None, patience=1)) as stream:
                async for _ in stream:
                    say("well")
                    if self.stop.is_set():
                        return

        self._again(lambda: asyncio.run(follow()), say)

    def web(self, say: Callable[[str], None]) -> None:
        def ask() -> None:
            with pool.connection() as connection:
                connection.execute("SELECT 1")

        pool = Pool(self.url)
        pool.open()
        self._again(ask, say)
        pool.close()

    def ingest(self, say: Callable[[str], None]) -> None:
        intake = Intake(url=self.url, worker="far", catalogue=catalogue())
        self._again(
            lambda: intake.commit(Batch(rows=no_rows(), listened={"": Listened(heard=10**15)})), say
        )
        intake.close()

    def _again(self, work: Callable[[], None], say: Callable[[str], None]) -> None:
        while not self.stop.wait(0.2):
            try:
                work()
                say("well")
            except (StoreError, UnavailableError):
                say("trying again")

    def all_say(self, words: str) -> bool:
        """Whether each says so, after what it has said by now."""
        begin = {name: len(lines) for name, lines in self.said.items()}

        def each() -> bool:
            return all(
                any(words in line for line in lines[begin[name] :])
                for name, lines in self.said.items()
            )

        return wait_until(each, seconds=BOUND)

    def at_work(self) -> bool:
        """Whether the quiet two hold their locks, and the others' last word is that all is well."""
        quiet = (Lock.WATCH.value, Lock.NOTIFIER.value)
        with connect(self.url.replace(self.cable.address, "127.0.0.1")) as here:
            rows = here.execute(
                "SELECT DISTINCT CASE objsubid WHEN 1 THEN objid ELSE classid END::integer"
                " FROM pg_locks WHERE locktype = 'advisory' AND granted"
            )
            held = {number for (number,) in rows}
        well = all(self.said[name][-1:] == ["well"] for name in ("follow", "web", "ingest"))
        return well and held.issuperset(quiet)

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(BOUND)
        assert not any(thread.is_alive() for thread in self.threads)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_each_part_notices_a_vanished_server_and_finds_it_again(
    remote: Remote, unplugged: Callable[[], None], tmp_path: Path
) -> None:
    """With the bounds that they have in earnest."""
    parts = Parts(remote, tmp_path)
    try:
        assert wait_until(parts.at_work, seconds=BOUND), parts.said
        unplugged()
        assert parts.all_say("trying again"), parts.said
        remote.cable.mend()
        assert wait_until(parts.at_work, seconds=BOUND), parts.said
    finally:
        remote.cable.mend()
        parts.end()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_vanished_client_holds_nothing_for_long(
    remote: Remote, unplugged: Callable[[], None]
) -> None:
    """Idle in its transaction, in the middle of a statement, or while it is sent what it asked."""
    clients = [far(remote) for _ in range(4)]
    held = set()
    for client in clients:
        row = client.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        held.add(row[0] if row else 0)
    _idle, sleeps, reads, never_reads = clients
    sleeps.pgconn.send_query(b"SELECT pg_sleep(600)")
    for each in (reads, never_reads):
        each.pgconn.send_query(b"SELECT repeat('x', 1000) FROM generate_series(1, 1000000)")
    with connect(remote.url, autocommit=True) as here:
        assert held <= running(here)
        unplugged()
        assert wait_until(lambda: not held & running(here), seconds=BOUND), held & running(here)
    for client in clients:
        client.close()
