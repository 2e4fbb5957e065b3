"""Acts on alarms, by people and by the system: the only entry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypervisor.alarms import queries, queries_acts, queries_lifecycle, settings
from hypervisor.alarms.errors import ConflictError, NoAlarmError, RefusedError
from hypervisor.alarms.lifecycle import TABLE, ActKind, AlarmState, Hold
from hypervisor.alarms.queries import Alarm, highest_severity
from hypervisor.alarms.queries_acts import ActRecord
from hypervisor.alarms.queries_lifecycle import Handling, HoldRecord
from hypervisor.base.instants import micros, moment, text
from hypervisor.database.connect import Connection
from rules._duration import duration_text

_WITH_REASON = {
    ActKind.UNACKNOWLEDGE: "why it is open again",
    ActKind.COMMENT: "the comment",
    ActKind.SHELVE: "why it may be silent",
    ActKind.OUT_OF_SERVICE: "why nobody may believe it",
    ActKind.CLOSE: "why it is over although its condition holds",
}
_BY_SYSTEM = (
    ActKind.ESCALATE,
    ActKind.REMIND,
)  # no change of state, so the version stays


@dataclass(frozen=True, kw_only=True)
class Act:
    """An act on an alarm.

    `version`: as the author saw it; None: any. `assignee`: for assign, None: nobody. `until`: for
    shelve, on the instance's clock. `details`: for escalations and reminders.
    """

    alarm: int
    kind: ActKind
    author: str
    reason: str = ""
    version: int | None = None
    assignee: str | None = None
    until: datetime | None = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ActResult:
    """An alarm and its operator state after an act."""

    alarm: Alarm
    handling: Handling


def perform(connection: Connection, request: Act, *, now: datetime) -> ActResult:
    """Perform an act and record it in one transaction. `now`: wall clock.

    Raises:
        NoAlarmError: no such alarm.
        ConflictError: the alarm has changed since the author saw it.
        RefusedError: the state does not allow it, or a reason, end or author is missing.
    """
    with connection.transaction():
        exists = queries_lifecycle.lock_alarm(connection, request.alarm)
        alarm = queries.find_alarm(connection, request.alarm) if exists else None
        if alarm is None:
            raise NoAlarmError(f"no alarm has the number {request.alarm}")
        clock = queries_lifecycle.read_clock(connection, now)
        before = queries_lifecycle.read_handling(connection, [alarm.id], clock)[alarm.id]
        _check_version(connection, request, before)
        _check_texts(request)
        state = _next_state(request, before)
        longest = settings.from_stored(queries_lifecycle.read_settings(connection)).shelve_longest
        after = replace(
            before,
            base=state.base,
            version=before.version + (request.kind not in _BY_SYSTEM),
            **_handling_changes(request, alarm, clock or now, longest),
        )
        _save(connection, request, alarm, after, now=now, clock=clock)
        return ActResult(alarm=alarm, handling=after)


def _check_version(connection: Connection, request: Act, before: Handling) -> None:
    if request.version is None or request.version == before.version:
        return
    since = [
        done
        for done in queries_acts.list_acts(connection, [request.alarm])
        if done.version > request.version
    ]
    changes = ", ".join(f"{done.kind} by {done.author} at {text(done.at)}" for done in since)
    raise ConflictError(
        f"alarm {request.alarm} has changed since you saw it: version {before.version}, not"
        f" {request.version} ({changes or 'by new readings'}); it is {before.base} now. Look again"
    )


def _check_texts(request: Act) -> None:
    if not request.author.strip():
        raise RefusedError(f"alarm {request.alarm}: say who does this")
    if request.kind in _WITH_REASON and not request.reason.strip():
        raise RefusedError(
            f"{request.kind} of alarm {request.alarm}:"
            f" say {_WITH_REASON[request.kind]}, in a few words"
        )
    for words in (request.author, request.reason, request.assignee or ""):
        if _is_unstorable(words):
            raise RefusedError(f"{request.kind} of alarm {request.alarm}: {words!r} cannot be kept")
    if request.until is not None and request.until.tzinfo is None:
        raise RefusedError(f"shelve of alarm {request.alarm}: its end needs an offset, such as Z")


def _is_unstorable(words: str) -> bool:
    """NUL or half a surrogate pair: the database cannot store these."""
    return any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in words)


def _next_state(request: Act, before: Handling) -> AlarmState:
    state = TABLE[before.state, request.kind]
    if isinstance(state, AlarmState):
        return state
    raise RefusedError(f"{request.kind} of alarm {request.alarm} is refused: {state}")


def _handling_changes(request: Act, alarm: Alarm, clock: datetime, longest: int) -> dict[str, Any]:
    """The fields of the operator state that an act changes, beside the state."""
    changes: dict[str, Any] = {}
    match request.kind:
        case ActKind.ACKNOWLEDGE:
            changes = {"acknowledged": _severity_acknowledged(alarm)}
        case ActKind.UNACKNOWLEDGE:
            changes = {"acknowledged": None}
        case ActKind.CLOSE:
            # Never before its beginning, even where the scenario's clock lags behind the readings.
            at = max(micros(clock), alarm.episode.began + 1)
            changes = {"closing": at, "acknowledged": _severity_acknowledged(alarm)}
        case ActKind.ASSIGN:
            changes = {"assignee": (request.assignee or "").strip() or None}
        case ActKind.SHELVE:
            until = _shelving_end(request, clock, longest)
            changes = {"held": _build_hold(request, alarm, Hold.SHELVED, clock, until)}
        case ActKind.OUT_OF_SERVICE:
            changes = {"held": _build_hold(request, alarm, Hold.OUT_OF_SERVICE, clock, None)}
        case ActKind.UNSHELVE | ActKind.RETURN_TO_SERVICE:
            changes = {"held": None}
        case _:
            pass
    return changes


def _severity_acknowledged(alarm: Alarm) -> str:
    """The severity that an acknowledgement covers."""
    return alarm.episode.severity[-1][1] if alarm.active else highest_severity(alarm.episode)


def _shelving_end(request: Act, clock: datetime, longest: int) -> datetime:
    if request.until is None:
        raise RefusedError(f"shelve of alarm {request.alarm}: say until when")
    if request.until <= clock:
        raise RefusedError(
            f"shelve of alarm {request.alarm}: {text(micros(request.until))} is past;"
            f" it is {text(micros(clock))}"
        )
    latest = micros(clock) + longest
    if micros(request.until) > latest:
        raise RefusedError(
            f"shelve of alarm {request.alarm}: at most {duration_text(longest)} at once, so until"
            f" {text(latest)}; take it out of service if it is to be silent for longer"
        )
    return request.until


def _build_hold(
    request: Act, alarm: Alarm, kind: Hold, since: datetime, until: datetime | None
) -> HoldRecord:
    return HoldRecord(
        rule=alarm.episode.rule,
        subject=alarm.episode.subject,
        kind=kind,
        since=micros(since),
        until=None if until is None else micros(until),
        author=request.author.strip(),
        reason=request.reason.strip(),
    )


def _save(  # noqa: PLR0913  two clocks
    connection: Connection,
    request: Act,
    alarm: Alarm,
    after: Handling,
    *,
    now: datetime,
    clock: datetime | None,
) -> None:
    queries_lifecycle.save_handling(connection, after)
    rule, subject = alarm.episode.rule, alarm.episode.subject
    if request.kind in (ActKind.SHELVE, ActKind.OUT_OF_SERVICE) and after.held is not None:
        queries_lifecycle.save_hold(connection, after.held)
    if request.kind in (ActKind.UNSHELVE, ActKind.RETURN_TO_SERVICE):
        queries_lifecycle.delete_hold(connection, rule, subject)
    if request.kind is ActKind.CLOSE and after.closing is not None:
        queries_lifecycle.record_closing(
            connection,
            alarm=alarm.id,
            rule=rule,
            subject=subject,
            at=moment(after.closing),
            author=request.author.strip(),
            reason=request.reason.strip(),
        )
    queries_acts.record(connection, _build_record(connection, request, after, now=now, clock=clock))


def _build_record(
    connection: Connection, request: Act, after: Handling, *, now: datetime, clock: datetime | None
) -> ActRecord:
    details = dict(request.details or {})
    if request.kind is ActKind.ASSIGN:
        details["assignee"] = after.assignee
    if request.kind is ActKind.ACKNOWLEDGE:
        details["severity"] = after.acknowledged
    if request.kind is ActKind.SHELVE and after.held and after.held.until is not None:
        details["until"] = text(after.held.until)
    return ActRecord(
        id=0,
        alarm=request.alarm,
        kind=request.kind,
        author=request.author.strip(),
        at=micros(now),
        scenario_at=micros(clock) if clock and queries_lifecycle.is_exercise(connection) else None,
        reason=request.reason.strip(),
        details=details,
        version=after.version,
        state=after.base,
    )
