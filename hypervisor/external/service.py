"""Deliveries of sources become alarms that are handled like ours, beside the alarm log."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import EXTERNAL, Alarm, Transition, as_text
from hypervisor.base.instants import moment
from hypervisor.base.person import Territory
from hypervisor.database.connect import Connection
from hypervisor.external import queries
from hypervisor.external.episodes import Former, Step, follow
from hypervisor.external.mapping import Places, SourceMapping, describe, names_place
from hypervisor.external.mapping_file import Mappings
from hypervisor.external.mappings import read_in_force
from hypervisor.external.model import Alert, Delivery, Problem, Receipt, Wording
from hypervisor.external.queries import Heard
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.events import build_events
from ingest.message import Reason
from rules._rule_state import Episode
from sensors._errors import Message

_SHOWN = 10  # problems in a receipt


@dataclass(kw_only=True)
class Changes:
    """What is to be written."""

    now: int
    alarms: dict[int, Alarm] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)

    def add(self, alarm: Alarm, kind: str, event: int, reason: str) -> Alarm:
        """A new state of an alarm, and the transition to it."""
        alarm = replace(alarm, changed=self.now)
        self.alarms[alarm.id] = alarm
        self.transitions.append(
            Transition(
                alarm=alarm.id,
                kind=kind,
                event=event,
                noticed=self.now,
                reason=reason,
                snapshot=as_text(alarm),
            )
        )
        return alarm

    def end(self, alarm: Alarm, at: int, reason: str) -> Alarm:
        """End an alarm, at the earliest when it began."""
        at = max(at, alarm.episode.began)
        stale = _close_stale(alarm.episode.stale, at)
        episode = replace(alarm.episode, ended=at, reason=reason, stale=stale)
        return self.add(replace(alarm, episode=episode), "cleared", at, reason)

    def write(self, connection: Connection) -> None:
        """Write all of it in the caller's transaction, with what is to be notified."""
        alarms = [self.alarms[number] for number in sorted(self.alarms)]
        alarm_queries.save(connection, alarms, self.transitions)
        queries_outbox.put_events(connection, build_events(self.transitions, alarms))


def receive(
    connection: Connection, source: str, delivery: Delivery, *, territory: Territory, now: int
) -> tuple[Receipt, Sequence[Problem]]:
    """Take the alerts of a delivery in the caller's transaction; `now`: µs.

    An alert that names a place outside the territory becomes an alarm without a place. The same
    delivery again changes nothing.
    """
    queries.lock_source(connection, source)
    _settle_closings(connection, now)
    intake = _Intake.begin(connection, source, delivery.alerts, territory, now)
    for alert in delivery.alerts:
        intake.take(alert)
    intake.write(connection)
    problems = [*delivery.problems, *intake.problems()]
    receipt = replace(
        intake.receipt,
        refused=sum(problem.refused for problem in delivery.problems) + intake.refused,
        problems=[str(problem.detail) for problem in problems[:_SHOWN]],
    )
    return receipt, problems


@dataclass(kw_only=True)
class _Intake:
    """One delivery while it is taken. `latest`: alarms by fingerprint; `closed`: by an operator."""

    source: str
    title: str
    mapping: SourceMapping
    territory: Territory
    places: Places
    sites: Callable[[str], int]
    changes: Changes
    latest: dict[str, Alarm]
    closed: set[int]
    open: int
    numbers: Iterator[int]
    heard: dict[int, Alert] = field(default_factory=dict)
    texts: dict[int, Alarm] = field(default_factory=dict)
    receipt: Receipt = field(default_factory=Receipt)
    refused: int = 0
    outside: Alert | None = None  # the first that names a place outside the territory

    @classmethod
    def begin(
        cls,
        connection: Connection,
        source: str,
        alerts: Sequence[Alert],
        territory: Territory,
        now: int,
    ) -> "_Intake":
        fingerprints = sorted({alert.fingerprint for alert in alerts})
        latest = queries.list_latest(connection, source, fingerprints)
        active = {alarm.episode.subject for alarm, _ in latest if alarm.active}
        unknown = sum(alert.fingerprint not in active for alert in alerts)
        places, sites = queries.read_places(connection)
        return cls(
            source=source,
            title=queries.find_title(connection, source),
            mapping=read_in_force(connection).of(source),
            territory=territory,
            places=places.within(territory),
            sites=sites.__getitem__,
            changes=Changes(now=now),
            latest={alarm.episode.subject: alarm for alarm, _ in latest},
            closed={alarm.id for alarm, standing in latest if standing.closed},
            open=queries.count_open(connection, source),
            numbers=_reserve(connection, unknown),
        )

    def take(self, alert: Alert) -> None:
        """Follow one alert."""
        alarm = self.latest.get(alert.fingerprint)
        match follow(self._former(alarm), alert, self.changes.now):
            case Step.RAISE:
                self._raise(alert)
            case Step.NOTICE:
                self._notice(alert)
            case Step.REPLACE if alarm is not None:
                reason = Message("its source raised it again at {time}", _minute(alert.starts))
                self._end(alarm, alert.starts, reason)
                self._raise(alert)
            case Step.REPEAT if alarm is not None:
                self._repeat(alarm, alert)
            case Step.END if alarm is not None:
                self._end(alarm, alert.ends or self.changes.now, Message("its source ended it"))
                self.heard[alarm.id] = alert
            case _:
                self.receipt = replace(self.receipt, repeated=self.receipt.repeated + 1)

    def _former(self, alarm: Alarm | None) -> Former | None:
        if alarm is None:
            return None
        return Former(
            starts=alarm.episode.since,
            ended=alarm.episode.ended,
            noticed=alarm.changed,
            closed=alarm.id in self.closed,
        )

    def _raise(self, alert: Alert) -> None:
        if self.open >= self.mapping.most:
            self.refused += 1
            return
        self.open += 1
        before = self.latest.get(alert.fingerprint)
        since = alert.starts
        if before is not None and before.episode.ended is not None:
            since = max(since, before.episode.ended)
        alarm = self._make_alarm(alert, since, None)
        severity = alarm.episode.severity[0][1]
        self.latest[alert.fingerprint] = self.changes.add(alarm, "raised", since, severity)
        self.heard[alarm.id] = alert
        self.receipt = replace(self.receipt, raised=self.receipt.raised + 1)

    def _notice(self, alert: Alert) -> None:
        """An alarm of which we hear only that it was."""
        ended = max(alert.ends or self.changes.now, alert.starts)
        alarm = self._make_alarm(alert, alert.starts, ended)
        reason = Message("its source reported only its end")
        self.latest[alert.fingerprint] = self.changes.add(
            alarm, "retrospective", alert.starts, reason
        )
        self.heard[alarm.id] = alert
        self.receipt = replace(self.receipt, ended=self.receipt.ended + 1)

    def _repeat(self, alarm: Alarm, alert: Alert) -> None:
        """Still firing: its details, its severity, and that it is not stale."""
        now, wording = self.changes.now, self._describe(alert)
        self.heard[alarm.id] = alert
        self.receipt = replace(self.receipt, repeated=self.receipt.repeated + 1)
        title, title_fr = self._titles(wording)
        if (alarm.title, alarm.advice) != (title, wording.advice):
            alarm = replace(alarm, title=title, title_fr=title_fr, advice=wording.advice)
            self.texts[alarm.id] = alarm
        episode = alarm.episode
        if episode.stale and episode.stale[-1][1] is None:
            episode = replace(episode, stale=_close_stale(episode.stale, now))
            alarm = self.changes.add(
                replace(alarm, episode=episode), "fresh", now, Message("its source repeats it")
            )
        if wording.severity != episode.severity[-1][1]:
            episode = replace(episode, severity=(*episode.severity, (now, wording.severity)))
            alarm = self.changes.add(
                replace(alarm, episode=episode), "severity", now, wording.severity
            )
        self.latest[alert.fingerprint] = alarm

    def _end(self, alarm: Alarm, at: int, reason: str) -> None:
        self.open -= 1
        self.latest[alarm.episode.subject] = self.changes.end(alarm, at, reason)
        self.receipt = replace(self.receipt, ended=self.receipt.ended + 1)

    def _describe(self, alert: Alert) -> Wording:
        return describe(alert, self.mapping, self.places)

    def _titles(self, wording: Wording) -> tuple[str, str]:
        """In English and French: that it is external, its source, what it is."""
        return (
            f"External, {self.title}: {wording.title}",
            f"Externe, {self.title}\N{NO-BREAK SPACE}: {wording.title}",
        )

    def _make_alarm(self, alert: Alert, since: int, ended: int | None) -> Alarm:
        wording, now = self._describe(alert), self.changes.now
        if not (wording.site or wording.commune or self.territory.whole or self.outside):
            self.outside = alert if names_place(alert, self.mapping) else None
        title, title_fr = self._titles(wording)
        return Alarm(
            id=next(self.numbers),
            site=None if wording.site is None else self.sites(wording.site),
            place=wording.site,
            commune=wording.commune,
            domain=wording.domain,
            category=wording.category,
            episode=Episode(
                rule=EXTERNAL + self.source,
                subject=alert.fingerprint,
                since=since,
                began=since,
                ended=ended,
                severity=((since, wording.severity),),
                stale=(),
            ),
            title=title,
            title_fr=title_fr,
            advice=wording.advice,
            last_value=None,
            withdrawn=None,
            noticed=now,
            changed=now,
        )

    def problems(self) -> Iterator[Problem]:
        """What was left out here, or not taken as it came."""
        if self.refused:
            detail = Message(
                "{count} alerts left out: {most} alarms of this source are open, its `at most`",
                self.refused,
                self.mapping.most,
            )
            yield Problem(reason=Reason.TOO_LARGE, detail=detail, refused=False)
        if self.outside is not None:
            # The same words for a place that exists and for none: the source sees neither.
            detail = Message(
                "an alert names a place outside this source's area: its alarm has none"
            )
            part = {"labels": dict(self.outside.labels)}
            yield Problem(reason=Reason.BAD_VALUE, detail=detail, part=part, refused=False)

    def write(self, connection: Connection) -> None:
        self.changes.write(connection)
        alone = [alarm for number, alarm in self.texts.items() if number not in self.changes.alarms]
        queries.save_texts(connection, alone)
        heard = [Heard(alarm=number, alert=alert) for number, alert in self.heard.items()]
        queries.save_heard(connection, heard, self.changes.now)


def _reserve(connection: Connection, likely: int) -> Iterator[int]:
    """Numbers of new alarms: a block at once, further ones as they are needed."""
    yield from alarm_queries.reserve_ids(connection, likely) if likely else ()
    while True:
        yield from alarm_queries.reserve_ids(connection, 1)


def settle(connection: Connection, *, now: int) -> int:
    """End what operators closed, mark what is no longer repeated; returns how many alarms."""
    with connection.transaction():
        changed = _settle_closings(connection, now)
        sources = queries.list_open_sources(connection)
        mappings = read_in_force(connection) if sources else Mappings()
        for source in sources:
            changed += _mark_stale(connection, source, mappings.of(source).stale_after, now)
    return changed


def _settle_closings(connection: Connection, now: int) -> int:
    changes = Changes(now=now)
    closing = queries.list_closing(connection)
    for alarm, author, reason in closing:
        changes.end(alarm, now, Message("closed by {author}: {reason}", author, reason))
    changes.write(connection)
    queries.mark_closed(connection, [alarm.id for alarm, _, _ in closing])
    return len(closing)


def _mark_stale(connection: Connection, source: str, after: int, now: int) -> int:
    changes = Changes(now=now)
    silent = queries.list_silent(connection, source, moment(now - after))
    for alarm, heard in silent:
        if alarm.episode.stale and alarm.episode.stale[-1][1] is None:
            continue  # meanwhile
        since = max(heard + after, alarm.episode.began)
        episode = replace(alarm.episode, stale=(*alarm.episode.stale, (since, None)))
        reason = Message("its source no longer repeats it")
        changes.add(replace(alarm, episode=episode), "stale", since, reason)
    changes.write(connection)
    return len(silent)


def _close_stale(
    spans: tuple[tuple[int, int | None], ...], at: int
) -> tuple[tuple[int, int | None], ...]:
    """The spans, with the open one closed."""
    return tuple((since, at if until is None else until) for since, until in spans)


def _minute(at: int) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"
