"""A small territory on the real database, fed as ingest feeds it and watched step by step."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from hypervisor.alarms import queries as alarms
from hypervisor.alarms.log import Alarm, Transition, log_entry
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database import feed
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.database.progress import get_progress
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.evaluation.batch import Report, Setup, load_memory, step
from hypervisor.evaluation.memory import Memory
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Revision, Series, Site
from rules._pack import load_pack
from sensors._domain import Catalogue, catalogue
from sensors._row import NEVER, ROW

DAY = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
CATALOGUE = catalogue()

RULES = """
- id: flood-high
  title: "{site}: high"
  when: level > threshold.attention
  clear: level < threshold.attention - 0.10 m
  for: 10 min
  keep for: 10 min
  severity: minor
  steps:
    - {severity: major, when: level > threshold.alert, clear: level < threshold.alert - 0.10 m}
  advice: look
  wrong when: never
  tests: []
- id: flood-rise
  title: "{site}: rising"
  when: change(level, 1 h) > 0.5 m
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: flood-rain
  title: "{site}: rain"
  when: sum(catchment_rain, 2 h) > 20 mm or level > threshold.danger
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: flood-silent
  title: "{site}: silent"
  when: silent(level, 30 min)
  severity: info
  advice: look
  wrong when: never
  tests: []
"""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A reading as a device sends it: minutes of the day, and of its arrival.

    `site` is the device's name: mostly it is called as its site.
    """

    site: str
    at: float
    value: float | None
    quantity: str = "level"
    quality: int = 0
    received: float | None = None

    @property
    def arrival(self) -> float:
        return self.at if self.received is None else self.received


def unit_of(threshold: str) -> str:
    return CATALOGUE.thresholds[threshold].unit


def us(minutes: float) -> int:
    """µs of a minute of the day."""
    return micros(DAY) + round(minutes * MINUTE)


@dataclass(kw_only=True)
class World:
    """One database and one watch on it."""

    url: str
    connection: Connection
    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    own: Connection | None = None  # the watch's
    memory: Memory | None = None
    mode: Mode = Mode.EXERCISE
    rules: str = RULES
    others: dict[str, str] = field(default_factory=dict)  # packs of other domains
    retention: int = 400 * 24 * 60 * MINUTE
    longest: float = math.inf  # s of evaluating before a step commits
    bytes: int = 512 * 2**20  # of memory for tails and work
    catalogue: Catalogue = CATALOGUE  # of the version that runs

    @property
    def setup(self) -> Setup:
        return Setup(
            catalogue=self.catalogue,
            mode=self.mode,
            retention=self.retention,
            clock=lambda: datetime(2024, 1, 2, tzinfo=UTC),
            longest=self.longest,
            memory=self.bytes,
        )

    def register(
        self,
        sites: Iterable[str],
        *,
        interval: float = 5,
        thresholds: Mapping[str, float] | None = None,
        quantities: Sequence[str] = ("level", "catchment_rain", "battery"),
        commissioned: int | None = None,
    ) -> None:
        """Sites with one device each, named after it."""
        since = DAY if commissioned is None else moment(commissioned)
        limits = {"attention": 3.0, "alert": 4.0, "danger": 5.0, **(thresholds or {})}
        sites = list(sites)
        facts = [
            self.fact("series", f"{site}/{quantity}", {"interval_s": interval * 60})
            for site in sites
            for quantity in quantities
        ]
        facts += [
            self.fact("threshold", f"{site}/{name}", {"value": value, "unit": unit_of(name)})
            for site in sites
            for name, value in limits.items()
        ]
        registry_queries.write(
            self.connection,
            Changes(
                sites=tuple(
                    Site(name=s, title=s.title(), domain="flood", lon=2.35, lat=48.6) for s in sites
                ),
                devices=tuple(Device(name=s, site=s, commissioned=since) for s in sites),
                series=tuple(Series(device=s, quantity=q) for s in sites for q in quantities),
                revisions=tuple(facts),
            ),
        )
        self.number_series()

    def number_series(self) -> None:
        registry = registry_queries.load(self.connection)
        self.numbers = {key: one.id or 0 for key, one in registry.series.items()}
        self.connection.commit()

    def add_device(self, name: str, *, site: str, quantity: str) -> None:
        registry_queries.write(
            self.connection,
            Changes(
                devices=(Device(name=name, site=site, commissioned=DAY),),
                series=(Series(device=name, quantity=quantity),),
            ),
        )
        self.connection.commit()

    @staticmethod
    def fact(
        kind: str, key: str, value: dict[str, Any] | None, *, since: int = BEGINNING
    ) -> Revision:
        return Revision(
            kind=kind, key=key, value=value, effective=moment(since), author="test", reason="test"
        )

    def revise(self, *facts: Revision) -> None:
        registry_queries.write(self.connection, Changes(revisions=tuple(facts)))
        self.connection.commit()

    def record_rules(self) -> list[str]:
        loaded = [
            load_pack(rules, file=f"{domain}.yaml", domain=domain)
            for domain, rules in {"flood": self.rules, **self.others}.items()
        ]
        found = shipped_rules.record_and_log(
            self.connection, loaded, now=moment(us(self.progress()[0]))
        )
        self.connection.commit()
        return found

    def join(self, worker: str = "one") -> None:
        queries_workers.join(self.connection, worker)
        self.connection.commit()

    def store(self, sent: Iterable[Sent]) -> None:
        """Commit readings as one batch of ingest."""
        rows = np.array(
            [
                (
                    self.numbers[one.site, one.quantity],
                    us(one.at),
                    NEVER if one.received == NEVER else us(one.arrival),
                    np.nan if one.value is None else one.value,
                    one.quality,
                )
                for one in sent
            ],
            dtype=ROW,
        )
        reading_queries.create_staging_tables(self.connection)
        stands = reading_queries.store(self.connection, rows)
        if len(stands):
            feed.append(self.connection, "readings", rows=stands.tobytes())
        self.connection.commit()

    def beat(self, minutes: float, worker: str = "one") -> None:
        queries_workers.record_heartbeat(self.connection, worker, us(minutes))
        self.connection.commit()

    def restart(self) -> None:
        """Forget everything, as a killed watch does."""
        self.memory = None

    def step(self) -> Report:
        """One batch of the watch."""
        if self.own is None:
            self.own = connect(self.url, autocommit=True)
        if self.memory is None:
            self.memory = load_memory(self.own, self.setup)
        return step(self.own, self.memory, self.setup)

    def close(self) -> None:
        if self.own is not None:
            self.own.close()
        self.connection.close()

    def settle(self) -> None:
        """Step until nothing is left to do."""
        while (report := self.step()).entries or report.more:
            pass

    def log(self) -> list[dict[str, Any]]:
        """The alarm log, as two instances compare it."""
        found = [log_entry(alarm.episode) for alarm in self.alarms()]
        return sorted(found, key=lambda one: (one["rule"], one["subject"], one["since"]))

    def progress(self) -> tuple[float, int]:
        """(minute judged up to, batches not yet taken)."""
        found = get_progress(self.connection)
        self.connection.commit()
        judged = (found.evaluated_to or DAY) - DAY
        return judged.total_seconds() / 60, found.unread

    def reset(self) -> None:
        """Forget all that was judged; a feed entry makes the watch begin again."""
        self.restart()
        self.connection.execute(
            "TRUNCATE rule_state, evaluation_input, evaluation_state, transition, outbox,"
            " delivery, alarm, external_alarm"
        )
        feed.append(self.connection, "registry")
        for worker in queries_workers.list_workers(self.connection):
            feed.append(self.connection, "heartbeat", worker=worker.name, at=worker.heartbeat_at)
        self.connection.commit()

    def alarms(self, *, withdrawn: bool = False) -> list[Alarm]:
        found = alarms.list_alarms(self.connection, alarms.Selection(withdrawn=withdrawn))
        self.connection.commit()
        return found

    def transitions(self) -> list[Transition]:
        every = [alarm.id for alarm in self.alarms(withdrawn=True)]
        found = alarms.list_transitions(self.connection, every)
        self.connection.commit()
        return found


def make_world(url: str, connection: Connection, *, mode: Mode = Mode.EXERCISE) -> World:
    instance_store.create(connection, Instance(mode=mode, name="test"))
    connection.commit()
    return World(url=url, connection=connection, mode=mode)


def find_world(url: str) -> World:
    """An exercise that was made there before."""
    found = World(url=url, connection=connect(url))
    found.number_series()
    return found
