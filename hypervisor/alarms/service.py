"""The one entry for what is done to an alarm, by people and by the system on their behalf."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypervisor.alarms import queries, queries_acts, queries_lifecycle, settings
from hypervisor.alarms.errors import ConflictError, NoAlarmError, RefusedError
from hypervisor.alarms.lifecycle import TABLE, AlarmState, Hold, Kind
from hypervisor.alarms.queries import Alarm, highest
from hypervisor.alarms.queries_acts import Done
from hypervisor.alarms.queries_lifecycle import Handling, Held
from hypervisor.base.instants import micros, moment, text
from hypervisor.database.connect import Connection
from rules._duration import duration_text

_WITH_REASON = {
    Kind.UNACKNOWLEDGE: "why it is open again",
    Kind.COMMENT: "the comment",
    Kind.SHELVE: "why it may be silent",
    Kind.OUT_OF_SERVICE: "why nobody may believe it",
    Kind.CLOSE: "why it is over although its condition holds",
}
_BY_SYSTEM = (Kind.ESCALATE, Kind.REMIND)  # they change no state: nobody's version goes out of date


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something done to an alarm.

    `version`: of the alarm as its author saw it; None: whatever it is. `assignee` of an assign,
    None: nobody any more. `until` of a shelve, on the instance's clock. `details`: what the system
    has to say of an escalation or a reminder.
    """

    alarm: int
    kind: Kind
    author: str
    reason: str = ""
    version: int | None = None
    assignee: str | None = None
    until: datetime | None = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Handled:
    """An alarm and how it is handled."""

    alarm: Alarm
    handling: Handling


def act(connection: Connection, what: Act, *, now: datetime) -> Handled:
    """Do it, in one transaction with its record; the alarm as it then stands. `now`: the wall's.

    Raises:
        NoAlarmError: there is no such alarm.
        ConflictError: it changed since the author saw it.
        RefusedError: the act does not fit its state, or lacks a reason, an end, an author.
    """
    with connection.transaction():
        found = queries_lifecycle.lock(connection, what.alarm)
        alarm = queries.find(connection, what.alarm) if found else None
        if alarm is None:
            raise NoAlarmError(f"no alarm has the number {what.alarm}")
        clock = queries_lifecycle.clock(connection, now)
        before = queries_lifecycle.handling(connection, [alarm.id], clock)[alarm.id]
        _expect_version(connection, what, before)
        _expect_words(what)
        state = _next(what, before)
        longest = settings.of(queries_lifecycle.settings(connection)).shelve_longest
        after = replace(
            before,
            base=state.base,
            version=before.version + (what.kind not in _BY_SYSTEM),
            **_changes(what, alarm, clock or now, longest),
        )
        _write(connection, what, alarm, after, now=now, clock=clock)
        return Handled(alarm=alarm, handling=after)


def _expect_version(connection: Connection, what: Act, before: Handling) -> None:
    if what.version is None or what.version == before.version:
        return
    since = [
        one for one in queries_acts.acts(connection, [what.alarm]) if one.version > what.version
    ]
    told = ", ".join(f"{done.kind} by {done.author} at {text(done.at)}" for done in since)
    raise ConflictError(
        f"alarm {what.alarm} has changed since you saw it: version {before.version}, not"
        f" {what.version} ({told or 'by what was measured'}); it is {before.base} now. Look again"
    )


def _expect_words(what: Act) -> None:
    if not what.author.strip():
        raise RefusedError(f"alarm {what.alarm}: say who does this")
    if what.kind in _WITH_REASON and not what.reason.strip():
        raise RefusedError(
            f"{what.kind} of alarm {what.alarm}: say {_WITH_REASON[what.kind]}, in a few words"
        )
    for said in (what.author, what.reason, what.assignee or ""):
        if _unwritable(said):
            raise RefusedError(f"{what.kind} of alarm {what.alarm}: {said!r} cannot be kept")
    if what.until is not None and what.until.tzinfo is None:
        raise RefusedError(f"shelve of alarm {what.alarm}: its end needs an offset, such as Z")


def _unwritable(said: str) -> bool:
    """Half of a character, or none, as a broken program sends it: no database takes these."""
    return any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in said)


def _next(what: Act, before: Handling) -> AlarmState:
    state = TABLE[before.state, what.kind]
    if isinstance(state, AlarmState):
        return state
    raise RefusedError(f"{what.kind} of alarm {what.alarm} is refused: {state}")


def _changes(what: Act, alarm: Alarm, clock: datetime, longest: int) -> dict[str, Any]:
    """What the act changes of the alarm's handling beside its state."""
    changes: dict[str, Any] = {}
    match what.kind:
        case Kind.ACKNOWLEDGE:
            changes = {"acknowledged": _standing(alarm)}
        case Kind.UNACKNOWLEDGE:
            changes = {"acknowledged": None}
        case Kind.CLOSE:
            # It ends after it began, even where the scenario's clock lags behind its readings.
            at = max(micros(clock), alarm.episode.began + 1)
            changes = {"closing": at, "acknowledged": _standing(alarm)}
        case Kind.ASSIGN:
            changes = {"assignee": (what.assignee or "").strip() or None}
        case Kind.SHELVE:
            until = _end(what, clock, longest)
            changes = {"held": _held(what, alarm, Hold.SHELVED, clock, until)}
        case Kind.OUT_OF_SERVICE:
            changes = {"held": _held(what, alarm, Hold.OUT_OF_SERVICE, clock, None)}
        case Kind.UNSHELVE | Kind.RETURN_TO_SERVICE:
            changes = {"held": None}
        case _:
            pass
    return changes


def _standing(alarm: Alarm) -> str:
    """The severity that an acknowledgement speaks of."""
    return alarm.episode.severity[-1][1] if alarm.active else highest(alarm.episode)


def _end(what: Act, clock: datetime, longest: int) -> datetime:
    if what.until is None:
        raise RefusedError(f"shelve of alarm {what.alarm}: say until when")
    if what.until <= clock:
        raise RefusedError(
            f"shelve of alarm {what.alarm}: {text(micros(what.until))} is past;"
            f" it is {text(micros(clock))}"
        )
    latest = micros(clock) + longest
    if micros(what.until) > latest:
        raise RefusedError(
            f"shelve of alarm {what.alarm}: at most {duration_text(longest)} at once, so until"
            f" {text(latest)}; take it out of service if it is to be silent for longer"
        )
    return what.until


def _held(what: Act, alarm: Alarm, kind: Hold, since: datetime, until: datetime | None) -> Held:
    return Held(
        rule=alarm.episode.rule,
        subject=alarm.episode.subject,
        kind=kind,
        since=micros(since),
        until=None if until is None else micros(until),
        author=what.author.strip(),
        reason=what.reason.strip(),
    )


def _write(  # noqa: PLR0913  two clocks
    connection: Connection,
    what: Act,
    alarm: Alarm,
    after: Handling,
    *,
    now: datetime,
    clock: datetime | None,
) -> None:
    queries_lifecycle.write(connection, after)
    rule, subject = alarm.episode.rule, alarm.episode.subject
    if what.kind in (Kind.SHELVE, Kind.OUT_OF_SERVICE) and after.held is not None:
        queries_lifecycle.hold(connection, after.held)
    if what.kind in (Kind.UNSHELVE, Kind.RETURN_TO_SERVICE):
        queries_lifecycle.release(connection, rule, subject)
    if what.kind is Kind.CLOSE and after.closing is not None:
        queries_lifecycle.close(
            connection,
            alarm=alarm.id,
            rule=rule,
            subject=subject,
            at=moment(after.closing),
            author=what.author.strip(),
            reason=what.reason.strip(),
        )
    queries_acts.record(connection, _record(connection, what, after, now=now, clock=clock))


def _record(
    connection: Connection, what: Act, after: Handling, *, now: datetime, clock: datetime | None
) -> Done:
    details = dict(what.details or {})
    if what.kind is Kind.ASSIGN:
        details["assignee"] = after.assignee
    if what.kind is Kind.ACKNOWLEDGE:
        details["severity"] = after.acknowledged
    if what.kind is Kind.SHELVE and after.held and after.held.until is not None:
        details["until"] = text(after.held.until)
    return Done(
        id=0,
        alarm=what.alarm,
        kind=what.kind,
        author=what.author.strip(),
        at=micros(now),
        scenario_at=micros(clock) if clock and queries_lifecycle.in_exercise(connection) else None,
        reason=what.reason.strip(),
        details=details,
        version=after.version,
        state=after.base,
    )
