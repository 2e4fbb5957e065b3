"""A small territory with alarms written as the watch writes them, and notifiers on its database."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import Alarm, Transition, as_text
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import BEGINNING, micros, moment, text
from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.notifications import (
    queries_alarms,
    queries_deliveries,
    queries_outbox,
    queries_routes,
)
from hypervisor.notifications.events import build_events
from hypervisor.notifications.loop import Notifier
from hypervisor.notifications.queries_deliveries import DeliveryRow
from hypervisor.notifications.running import build_notifier
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Area, Device, Revision, Series, Site
from rules._rule_state import Episode

BEGIN = datetime(2024, 10, 9, 12, 0, tzinfo=UTC)  # a Wednesday, 14:00 in Paris
MINUTE = 60_000_000
PATIENCE = 30.0  # s, on a busy machine
STATES = ("waiting", "sent", "dead", "dropped")


@dataclass(kw_only=True)
class Town:
    """One database. Times are minutes after BEGIN."""

    url: str
    connection: Connection
    settings: Settings
    mode: Mode = Mode.EXERCISE
    notifiers: list[Notifier] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def found(self) -> None:
        """Sites, areas and a worker; the scenario stands at its beginning."""
        instance_store.create(self.connection, Instance(mode=self.mode, name="Essonne"))
        areas = (
            Area(code="91", kind="departement", name="Essonne"),
            Area(code="200057859", kind="epci", name="Cœur d'Essonne", parent="91"),
            Area(code="91021", kind="commune", name="Arpajon", parent="200057859"),
        )
        sites = (
            Site(name="orge", title="Orge à Arpajon", domain="flood", commune="91021"),
            Site(name="cabinet", title="Cabinet 7", domain="lighting"),
        )
        registry_queries.write(self.connection, Changes(areas=areas, sites=sites))
        queries_workers.join(self.connection, "one")
        self.connection.commit()
        self.beat(0)

    def at(self, minutes: float) -> int:
        return micros(BEGIN) + round(minutes * MINUTE)

    def beat(self, minutes: float) -> None:
        """The scenario's clock comes to here."""
        queries_workers.record_heartbeat(self.connection, "one", self.at(minutes))
        self.connection.commit()

    def rule(self, name: str, **written: Any) -> None:
        value = {"domain": "flood", "when": "level > 1 m", **written}
        self.revise("rule", name, value)

    def revise(self, kind: str, key: str, value: dict[str, Any]) -> None:
        revision = Revision(
            kind=kind,
            key=key,
            value=value,
            effective=moment(BEGINNING),
            author="test",
            reason="test",
        )
        registry_queries.write(self.connection, Changes(revisions=(revision,)))
        self.connection.commit()

    def device(self, name: str, site: str, *, interval: float) -> None:
        registry_queries.write(
            self.connection,
            Changes(
                devices=(Device(name=name, site=site, commissioned=BEGIN),),
                series=(Series(device=name, quantity="level"),),
            ),
        )
        self.connection.commit()
        self.revise("series", f"{name}/level", {"interval_s": interval})

    def routes(self, written: str) -> None:
        queries_routes.ROUTES.insert_revision(
            self.connection, written, author="test", reason="test"
        )
        queries_outbox.notify_workers(self.connection)
        self.connection.commit()

    # -- what the watch does ----------------------------------------------------------------------

    def raised(self, at: float = 0, **given: Any) -> Alarm:
        """A new alarm, noticed when it began."""
        [number] = alarm_queries.reserve_ids(self.connection, 1)
        domain = given.get("domain", "flood")
        named = given.get("site", "orge")
        row = self.connection.execute("SELECT id FROM site WHERE name = %s", [named]).fetchone()
        alarm = Alarm(
            id=number,
            site=row[0] if row else None,
            place=named,
            domain=domain,
            category=given.get("category", "hazard"),
            episode=Episode(
                rule=given.get("rule", f"{domain}-high"),
                subject=given.get("subject", named),
                since=self.at(at),
                began=self.at(at),
                ended=None,
                severity=((self.at(at), given.get("severity", "major")),),
                stale=(),
            ),
            title=given.get("title", "Orge à Arpajon: river high"),
            advice="Close the embankment road.",
            last_value={
                "quantity": "level",
                "value": 2.41,
                "unit": "m",
                "time": text(self.at(at)),
                "trend": "rising",
                "per_hour": 0.12,
            },
            withdrawn=None,
            noticed=self.at(at),
            changed=self.at(at),
        )
        return self.tell(alarm, "raised", at)

    def over(self, alarm: Alarm, at: float) -> Alarm:
        ended = replace(alarm, episode=replace(alarm.episode, ended=self.at(at)))
        return self.tell(ended, "cleared", at)

    def worse(self, alarm: Alarm, at: float, severity: str) -> Alarm:
        steps = (*alarm.episode.severity, (self.at(at), severity))
        now = replace(alarm, episode=replace(alarm.episode, severity=steps))
        return self.tell(now, "severity", at, severity)

    def tell(self, alarm: Alarm, kind: str, at: float, reason: str = "") -> Alarm:
        """Alarm, transition and event, in one transaction."""
        transition = Transition(
            alarm=alarm.id,
            kind=kind,
            event=self.at(at),
            noticed=self.at(at),
            reason=reason,
            snapshot=as_text(alarm),
        )
        alarm_queries.save(self.connection, [alarm], [transition])
        queries_outbox.put_events(self.connection, build_events([transition], [alarm]))
        self.connection.commit()
        return alarm

    @staticmethod
    def key(alarm: Alarm, event: str, number: int = 1) -> str:
        """The key of an event of an alarm: nothing that a restored database would number again."""
        about = f"{alarm.episode.rule}:{alarm.episode.subject}"
        return f"{about}:{text(alarm.episode.began)}:{event}:{number}"

    # -- what notify does -------------------------------------------------------------------------

    def notifier(self) -> Notifier:
        own = connect(self.url, autocommit=True)
        one = build_notifier(own, self.settings, self.said.append)
        self.notifiers.append(one)
        return one

    def work(self, true: Callable[[], bool], *notifiers: Notifier) -> None:
        """Turn the notifiers until something is so."""
        mine = notifiers or tuple(self.notifiers) or (self.notifier(),)
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{self.rows()}\n{self.events()}\n{self.said}"
            busy = [
                notifier.turn() for notifier in mine
            ]  # each of them, whatever the first one says
            if not any(busy):
                time.sleep(0.01)

    def settle(self, *notifiers: Notifier) -> None:
        """Until nothing is due and nothing is on its way."""
        self.work(lambda: not self.due() and not self.waiting(), *notifiers)

    def due(self) -> bool:
        now = queries_outbox.read_clock(self.connection)
        found = now is not None and bool(queries_outbox.list_due(self.connection, now, most=1))
        self.connection.commit()
        return found

    def waiting(self) -> list[DeliveryRow]:
        return [row for row in self.rows() if row.state == "waiting"]

    def rows(self) -> list[DeliveryRow]:
        found = queries_deliveries.list_deliveries(self.connection, states=STATES, limit=10_000)
        self.connection.commit()
        return found

    def watched(self) -> bool:
        found = queries_alarms.is_evaluation_running(self.connection)
        self.connection.commit()
        return found

    def events(self) -> list[tuple[str, str | None, str | None]]:
        """(event, outcome, reason or why it is held), in order."""
        rows = self.connection.execute(
            "SELECT event, outcome, coalesce(reason, held) FROM outbox ORDER BY id"
        ).fetchall()
        self.connection.commit()
        return [(event, outcome, why) for event, outcome, why in rows]

    def close(self) -> None:
        for one in self.notifiers:
            one.close()
        self.connection.close()
