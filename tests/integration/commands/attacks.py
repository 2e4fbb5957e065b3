"""What people can do to make an armed rule send: each at a gauge of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pandas as pd

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.base.settings import Settings
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.readings import corrections, dead_letter_replay, importing, queries_dead_letters
from hypervisor.readings import queries as reading_queries
from hypervisor.readings.corrections import Attribution, ObservationRequest
from hypervisor.readings.ingest_worker import open_ingest_context
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Revision, Series, Site
from ingest.message import NewDeadLetter
from sensors._domain import catalogue
from sensors._row import ROW
from tests.integration.web.conftest import ORGE
from tests.integration.web.served import server, signed_in

RULE = "flood-armed"
LEVEL = 2.0  # m, from which on it alarms
WORDS = catalogue()
# Of a team whose one member is the agent of a site.
_ORDER = """
WITH made AS (INSERT INTO team (name, title) VALUES (%(site)s, 'test') RETURNING id),
member AS (INSERT INTO team_member (team, account)
    SELECT made.id, account.id FROM made, account WHERE account.name = 'tom-' || %(site)s)
INSERT INTO intervention (title, description, priority, site, opened_at)
SELECT 'test', '', 'high', id, now() FROM site WHERE name = %(site)s RETURNING id
"""
DIM = {"command": "dim", "parameters": {"level": "20"}, "target": "device/lamp-1"}
BY = Attribution(reason="test", author="olga")


def rule(**changed: Any) -> dict[str, Any]:
    """As a revision stores it; `accepts` is its proposal's."""
    accepts = {"accepts": changed.pop("accepts")} if "accepts" in changed else {}
    written = {"domain": "flood", "id": RULE, "title": RULE, "when": "level > threshold.attention"}
    proposed = [{**DIM, "automatic": "true", **accepts}]
    return {**written, "severity": "major", "chatter": "999 in 1 h", "propose": proposed, **changed}


@dataclass(kw_only=True)
class Field:
    """One gauge whose alarm an armed rule answers. `send`: as its device does; `settle`: until all
    that follows from it is done; `olga`: an operator of the console, without the duty `command`.
    """

    connection: Connection
    settings: Settings
    site: str
    random: Random
    settle: Callable[[], None]
    olga: httpx.Client | None = None
    send: Callable[[str, float, datetime], None] | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def revise(self, kind: str, key: str, value: Any, *, since: datetime | None = None) -> None:
        revision = Revision(
            kind=kind,
            key=key,
            value=value,
            effective=since or moment(BEGINNING),
            author="test",
            reason="test",
        )
        registry_queries.write(self.connection, Changes(revisions=(revision,)))

    def register(self, *, threshold: float = LEVEL) -> None:
        since = datetime(2000, 1, 1, tzinfo=UTC)
        registry_queries.write(
            self.connection,
            Changes(
                sites=(Site(name=self.site, title=self.site, domain="flood", commune=ORGE),),
                devices=(
                    Device(name=self.site, site=self.site, commissioned=since, model="radar-gauge"),
                ),
                series=(Series(device=self.site, quantity="level"),),
            ),
        )
        self.set_threshold(threshold)

    def set_threshold(self, value: float, *, since: datetime | None = None) -> None:
        self.revise(
            "threshold", f"{self.site}/attention", {"value": value, "unit": "m"}, since=since
        )

    def ago(self, minutes: float) -> datetime:
        return datetime.now(UTC) - timedelta(minutes=minutes)

    def measure(self, level: float, minutes: float = 0, *, late: bool = False) -> None:
        """By the device, so long ago; it arrived then, or only now."""
        at = self.ago(minutes)
        if self.send is not None and (late or not minutes):
            self.send(self.site, level, at)
            return
        received = datetime.now(UTC) if late else at
        self.store(level, at, received)

    def store(self, level: float, at: datetime, received: datetime) -> None:
        number = registry_queries.load(self.connection).series[self.site, "level"].id
        row = np.array([(number, micros(at), micros(received), level, 0)], dtype=ROW)
        with self.connection.transaction():
            reading_queries.create_staging_tables(self.connection)
            changed = reading_queries.store(self.connection, row)
            feed.append(self.connection, "readings", rows=changed.tobytes())

    def observe(self, level: float, minutes: float = 0) -> None:
        """By hand."""
        with self.connection.transaction():
            seen = corrections.check_observation(
                registry_queries.load(self.connection),
                WORDS,
                ObservationRequest(
                    series=f"{self.site}/level", value=level, unit="m", time=self.ago(minutes)
                ),
            )
            corrections.observe(self.connection, seen, BY, ahead=timedelta(minutes=5))

    def invalidate(self, since: float, until: float) -> int:
        series = registry_queries.load(self.connection).series[self.site, "level"]
        with self.connection.transaction():
            return corrections.invalidate(
                self.connection, series, self.ago(since), self.ago(until), BY
            ).number

    def undo(self, number: int) -> None:
        with self.connection.transaction():
            corrections.undo(self.connection, registry_queries.load(self.connection), number, BY)

    def letter(self, level: float, at: datetime, received: datetime, shift: timedelta) -> None:
        """A message that was refused, and that a person replays."""
        topic = f"devices/{self.site}/readings"
        body = json.dumps({"time": at.isoformat(), "values": {"level": level}}).encode()
        with self.connection.transaction():
            queries_dead_letters.store_letters(
                self.connection,
                [
                    NewDeadLetter(
                        topic=topic,
                        payload=body,
                        reason="time-behind",
                        detail="test",
                        received_at=micros(received),
                        again=False,
                    )
                ],
                "one",
            )
        with open_ingest_context(self.settings) as ingest:
            letters = dead_letter_replay.select_letters(ingest.connection, [], topic=topic)
            ingest.connection.commit()
            (outcome,) = dead_letter_replay.replay(ingest, letters, shift=shift)
            assert outcome.readings == 1, outcome.text

    def low(self) -> None:
        """It was low an hour ago, and a quarter of an hour ago."""
        for minutes in (60, 16):
            self.measure(LEVEL - 1, minutes)
        self.settle()

    def high(self) -> float:
        return LEVEL + self.random.uniform(0.1, 2.0)

    def recent(self) -> float:
        """Minutes within the validity of a dimming, which is 10 min."""
        return self.random.uniform(0.1, 8.0)


def observed_now(f: Field) -> None:
    f.observe(f.high())


def observed_before(f: Field) -> None:
    f.observe(f.high(), f.recent())


def observed_ahead(f: Field) -> None:
    f.observe(f.high(), -4)


def observed_twice_beside_the_device(f: Field) -> None:
    f.observe(f.high(), 5)
    f.measure(LEVEL - 0.5)
    f.observe(f.high())


def observed_by_the_api(f: Field) -> None:
    assert f.olga is not None
    answer = f.olga.post(
        f"/api/v1/series/{f.site}/level/observations",
        json={
            "value": f.high(),
            "unit": "m",
            "time": f.ago(f.recent()).isoformat(),
            "reason": "seen",
        },
    )
    assert answer.status_code == 201, answer.text


def observed_on_the_page(f: Field) -> None:
    assert f.olga is not None
    at = f.ago(f.recent()).isoformat()
    form = {"series": f"{f.site}/level", "value": "3.2 m", "at": at, "reason": "seen"}
    answer = f.olga.post(f"/sites/{f.site}/observe", data=form)
    assert answer.status_code == 303, answer.text


def read_in_the_field(f: Field) -> None:
    """By an agent on the phone, at a staff of the same site: as what a device sends."""
    f.connection.execute(
        'UPDATE device SET properties = \'{"feed": "person"}\' WHERE name = %s', [f.site]
    )
    url, roles = f.settings.database_url, (("agent", None),)
    with (
        server(url, clock=lambda: datetime.now(UTC)) as base,
        signed_in(base, url, f"tom-{f.site}", roles, now=datetime.now(UTC)) as tom,
    ):
        (order,) = f.connection.execute(_ORDER, {"site": f.site}).fetchone() or (0,)
        f.connection.execute(
            "INSERT INTO intervention_event (intervention, number, act, state, at, noted_at,"
            " author, team) SELECT %s, n, (ARRAY['create', 'assign'])[n], '', now(), now(), 'olga',"
            " CASE n WHEN 2 THEN id END FROM team, generate_series(1, 2) n WHERE name = %s",
            [order, f.site],
        )
        act = {"act": "observe", "key": str(uuid4()), "series": f"{f.site}/level"}
        given = {"text": "high", "value": f.high(), "age_ms": int(f.recent() * 60_000)}
        answer = tom.post(f"/api/v1/field/orders/{order}/acts", json={**act, **given})
        assert answer.status_code == 200, answer.text
        assert answer.json()["kept"] is None


def imported(f: Field) -> None:
    at = f.ago(f.recent())
    rows = pd.DataFrame(
        {
            "time": [at.replace(tzinfo=None)],
            "device": [f.site],
            "quantity": ["level"],
            "unit": ["m"],
            "value": [f.high()],
            "status": ["ok"],
        }
    )
    rows["time"] = rows["time"].astype("datetime64[us]")
    registry = registry_queries.load(f.connection)
    checked, account = importing.check_recording(
        rows, registry, WORDS, until=micros(datetime.now(UTC))
    )
    importing.store(f.connection, checked, account, tick=lambda _count: None)
    assert account.stored == 1, account


def low_readings_set_aside(f: Field) -> None:
    """What the device measured last is invalidated: the high value by hand before it holds."""
    f.observe(f.high(), 7)
    f.measure(LEVEL - 1, 5)
    f.settle()
    f.invalidate(6, 4)


def alarm_ended_by_hand_and_begun_again(f: Field) -> None:
    """It has been high for long; a low observation, and the device's next reading begins anew."""
    f.measure(f.high(), 15.5)
    f.settle()
    f.observe(LEVEL - 1, 1)
    f.settle()
    f.measure(f.high())


def alarm_ended_by_setting_aside_and_begun_again(f: Field) -> None:
    f.measure(f.high(), 15.5)
    f.measure(LEVEL - 1, 14)
    f.measure(f.high(), 13.5)
    f.settle()
    number = f.invalidate(13.7, 13.3)
    f.settle()
    f.undo(number)


def onset_moved_by_setting_aside(f: Field) -> None:
    """High for a quarter of an hour; all but the latest is set aside, so that it begins now."""
    for minutes in (15.5, 12.0, 11.0):
        f.measure(f.high(), minutes)
    f.measure(f.high())
    f.settle()
    f.invalidate(15.9, 0.5)


def set_aside_and_restored_late(f: Field) -> None:
    f.measure(f.high(), 12)
    number = f.invalidate(13, 11)
    f.settle()
    f.undo(number)


def letter_with_its_time_moved(f: Field) -> None:
    received = f.ago(f.recent())
    hours = timedelta(hours=f.random.randint(2, 30))
    f.letter(f.high(), received + hours, received, -hours)


def letter_of_before(f: Field) -> None:
    at = f.ago(12)
    f.letter(f.high(), at, at, timedelta(0))


def sent_late_by_the_device(f: Field) -> None:
    f.measure(f.high(), 12, late=True)


def sent_very_late_by_the_device(f: Field) -> None:
    f.measure(f.high(), 15.2, late=True)


def backfilled_after_an_outage(f: Field) -> None:
    for minutes in (14, 13, 12, 11):
        f.measure(f.high(), minutes, late=True)


def threshold_lowered(f: Field) -> None:
    f.set_threshold(LEVEL + 3)
    f.measure(LEVEL + 1, 15.5)
    f.measure(LEVEL + 1)
    f.settle()
    f.set_threshold(LEVEL, since=datetime.now(UTC))
    f.settle()
    f.measure(LEVEL + 1)


def threshold_lowered_for_the_past(f: Field) -> None:
    f.set_threshold(LEVEL + 3)
    f.measure(LEVEL + 1, 15.5)
    f.measure(LEVEL + 1)
    f.settle()
    f.set_threshold(LEVEL, since=f.ago(f.recent()))


def works_end(f: Field) -> None:
    value = {
        "begins": f.ago(60).isoformat(),
        "ends": f.ago(-60).isoformat(),
        "sites": [f.site],
    }
    f.revise("works", f.site, value)
    f.measure(f.high())
    f.settle()
    f.revise("works", f.site, {**value, "ends": datetime.now(UTC).isoformat()})


def shelving_ends(f: Field) -> None:
    f.connection.execute(
        "INSERT INTO alarm_hold (rule, subject, kind, since, author, reason)"
        " VALUES (%s, %s, 'out-of-service', now(), 'olga', 'test')",
        [RULE, f.site],
    )
    f.measure(f.high())
    f.settle()
    f.connection.execute("DELETE FROM alarm_hold WHERE subject = %s", [f.site])


def gauge_moved_there(f: Field) -> None:
    """A gauge that has been in high water for long is said to stand here."""
    other = replace(f, site=f"{f.site}-far")
    other.register(threshold=LEVEL + 5)
    other.measure(LEVEL + 1, 15.5)
    other.measure(LEVEL + 1)
    f.settle()
    registry = registry_queries.load(f.connection)
    registry_queries.write(
        f.connection,
        Changes(
            devices=(
                replace(registry.devices[f.site], retired=f.ago(1)),
                replace(registry.devices[other.site], site=f.site),
            )
        ),
    )


Attack = Callable[[Field], None]
ATTACKS: tuple[Attack, ...] = (
    observed_now,
    observed_before,
    observed_ahead,
    observed_twice_beside_the_device,
    observed_by_the_api,
    observed_on_the_page,
    read_in_the_field,
    imported,
    low_readings_set_aside,
    alarm_ended_by_hand_and_begun_again,
    alarm_ended_by_setting_aside_and_begun_again,
    onset_moved_by_setting_aside,
    set_aside_and_restored_late,
    letter_with_its_time_moved,
    letter_of_before,
    sent_late_by_the_device,
    sent_very_late_by_the_device,
    backfilled_after_an_outage,
    threshold_lowered,
    threshold_lowered_for_the_past,
    works_end,
    shelving_ends,
    gauge_moved_there,
)
