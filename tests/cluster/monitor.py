"""How long readings take until they are stored and evaluated, seen from beside each database."""

import bisect
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

import psycopg
from psycopg.conninfo import make_conninfo

from hypervisor.cluster.plan import DATABASE, USER
from tests.acceptance.publisher import Publisher
from tests.cluster.machines import Cluster, Member

LOOK_SECONDS = 0.1
_LOOK = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    (SELECT min(cursor)::text::bigint FROM evaluation_state),
    (SELECT json_object_agg(name, count) FROM (
        SELECT device.name, count(*) FROM reading
        JOIN series ON series.id = reading.series_id JOIN device ON device.id = series.device
        WHERE reading.time >= %s GROUP BY 1) counted)
WHERE NOT pg_is_in_recovery()
"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the primary held. `upto`: no transaction from this number on was seen."""

    at: float  # on the monotonic clock
    upto: int
    evaluated: int  # everything below is
    stored: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Of messages, from when a device has one to send: seconds."""

    median: float
    worst: float


@dataclass(kw_only=True)
class Monitor:
    """Looks from the machine of each database, which no fault of a wire disturbs."""

    cluster: Cluster
    since: datetime  # of measuring; earlier readings do not count
    looks: list[Look] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def watch(self, member: Member) -> None:
        """Look until the end; a database that is away or a copy is asked again."""
        plan = self.cluster.plan
        address = make_conninfo(
            host="127.0.0.1",
            port=plan.ports.database,
            user=USER,
            password=plan.secrets.database,
            dbname=DATABASE,
            sslmode="require",
            connect_timeout=4,
        )
        with member.machine.inside():
            while not self._ending.is_set():
                with suppress(psycopg.Error), psycopg.connect(address, autocommit=True) as asking:
                    while not self._ending.wait(LOOK_SECONDS):
                        self._look(asking)
                self._ending.wait(LOOK_SECONDS)

    def _look(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        row = connection.execute(_LOOK, [self.since]).fetchone()
        if row is not None:
            upto, evaluated, stored = row
            self.looks.append(
                Look(at=time.monotonic(), upto=upto, evaluated=evaluated or 0, stored=stored or {})  # type: ignore[arg-type]
            )

    def finish(self) -> None:
        self._ending.set()

    def stored(self, publisher: Publisher, since: float) -> Delays | None:
        """Of messages due since then: until the primary held them."""
        return self._delays(publisher, since, [(look.at, look) for look in self._in_order()])

    def evaluated(self, publisher: Publisher, since: float) -> Delays | None:
        """Until every shard had taken what the primary then held."""
        looks = self._in_order()
        uptos = [look.upto for look in looks]
        taken = []
        for look in looks:
            place = bisect.bisect_right(uptos, look.evaluated)
            if place:
                taken.append((look.at, looks[place - 1]))
        return self._delays(publisher, since, taken)

    def _in_order(self) -> list[Look]:
        """Without what a machine that lost its primary showed once another had gone on."""
        kept: list[Look] = []
        for look in sorted(self.looks, key=lambda each: each.at):
            if not kept or look.upto >= kept[-1].upto:
                kept.append(look)
        return kept

    @staticmethod
    def _delays(
        publisher: Publisher, since: float, taken: list[tuple[float, Look]]
    ) -> Delays | None:
        delays = []
        for name, sent in publisher.sent.items():
            place = 0
            for number in range(sent.count):
                while place < len(taken) and taken[place][1].stored.get(name, 0) <= number:
                    place += 1
                if publisher.due_at(number) < since:
                    continue
                if place == len(taken):
                    return None  # it never was
                delays.append(taken[place][0] - publisher.due_at(number))
        return Delays(median=median(delays), worst=max(delays)) if delays else None


@contextmanager
def monitoring(cluster: Cluster, since: datetime) -> Iterator[Monitor]:
    """Look from all three machines meanwhile."""
    monitor = Monitor(cluster=cluster, since=since)
    threads = [
        threading.Thread(target=monitor.watch, args=(member,), daemon=True)
        for member in cluster.members
    ]
    for thread in threads:
        thread.start()
    try:
        yield monitor
    finally:
        monitor.finish()
        for thread in threads:
            thread.join()
