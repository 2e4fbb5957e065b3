"""Acts on alarms, by people and by the system, and changes of settings: the only entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from hypervisor.alarms import queries_acts, queries_lifecycle, settings
from hypervisor.alarms.errors import ConflictError, NoAlarmError, RefusedError
from hypervisor.alarms.lifecycle import TABLE, ActKind, AlarmState, Hold
from hypervisor.alarms.model import ActRecord, HandledAlarm, HoldRecord
from hypervisor.alarms.service_suppression import is_never_suppressed
from hypervisor.base.instants import micros, moment, text
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_works import load_in_force
from rules._duration import duration_text
from sensors._errors import Message

_WITH_REASON = {
    ActKind.UNACKNOWLEDGE: "why it is open again",
    ActKind.COMMENT: "the comment",
    ActKind.SHELVE: "why it may be silent",
    ActKind.OUT_OF_SERVICE: "why it cannot be trusted",
    ActKind.CLOSE: "why it is over although its condition holds",
}
_BY_SYSTEM = (ActKind.ESCALATE, ActKind.REMIND)  # the state stays, and so does the version


@dataclass(frozen=True, kw_only=True)
class Act:
    """An act on an alarm.

    `version`: as the author saw it; None: any. `assignee`: for assign, None: no one. `until`: for
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


def perform(connection: Connection, request: Act, *, now: datetime) -> HandledAlarm:
    """Perform an act and record it in one transaction; returns the alarm after it.

    `now`: wall clock.

    Raises:
        NoAlarmError: no such alarm.
        ConflictError: the alarm has changed since the author saw it.
        RefusedError: the state does not allow it, or a reason, end or author is missing.
    """
    with connection.transaction():
        exists = queries_lifecycle.lock_alarm(connection, request.alarm)
        clock = queries_lifecycle.read_clock(connection, now)
        before = (
            queries_lifecycle.find_handled(connection, request.alarm, clock) if exists else None
        )
        if before is None:
            raise NoAlarmError("no alarm has the number {number}", request.alarm)
        _check_version(connection, request, before)
        _check_texts(request)
        _check_hold(connection, request, before, clock)
        state = _next_state(request, before)
        longest = queries_lifecycle.read_settings(connection).shelve_longest
        changes = {
            "state": state.base,
            "version": before.version + (request.kind not in _BY_SYSTEM),
            **_handling_changes(request, before, clock or now, longest),
        }
        after = before.model_copy(update=changes)
        _save(connection, request, after)
        in_exercise = clock is not None and queries_lifecycle.is_exercise(connection)
        queries_acts.record(
            connection, _build_record(request, after, now, clock if in_exercise else None)
        )
        return after


def change_setting(
    connection: Connection, name: str, value: str, *, author: str, reason: str
) -> tuple[str, str]:
    """Change a setting in the caller's transaction; returns the old and new value as text.

    Raises:
        AlarmError: no such setting, or not a value of it.
        ActError: the reason is missing.
    """
    parsed = settings.parse_setting(name, value)
    before = settings.format_settings(queries_lifecycle.read_settings(connection))[name]
    queries_lifecycle.save_setting(connection, name, parsed)
    after = settings.format_settings(queries_lifecycle.read_settings(connection))[name]
    audit.record(
        connection,
        kind="alarm-setting",
        subject=name,
        reason=reason,
        author=author,
        details={"before": before, "after": after},
    )
    return before, after


def _check_version(connection: Connection, request: Act, before: HandledAlarm) -> None:
    if request.version is None or request.version == before.version:
        return
    acts_done = queries_acts.list_acts(connection, [request.alarm])
    since = [act for act in acts_done if act.version > request.version]
    acts = ", ".join(f"{act.kind} by {act.author} at {text(act.at)}" for act in since)
    raise ConflictError(
        "alarm {number} has changed since you saw it: version {present}, not {seen} ({changes});"
        " it is {state} now. Look again",
        request.alarm,
        before.version,
        request.version,
        acts or Message("by new readings"),
        before.state.value,
    )


def _check_hold(
    connection: Connection, request: Act, before: HandledAlarm, clock: datetime | None
) -> None:
    if request.kind not in {ActKind.SHELVE, ActKind.OUT_OF_SERVICE}:
        return
    rule = load_in_force(connection, "rule", clock).get(before.rule)
    if rule is not None and is_never_suppressed(rule):
        _refuse(request, Message("its rule {rule!r} is never suppressed", before.rule))


def _refuse(request: Act, reason: str) -> NoReturn:
    raise RefusedError(
        "{kind} of alarm {number} is refused: {reason}", request.kind.value, request.alarm, reason
    )


def _check_texts(request: Act) -> None:
    if not request.author.strip():
        _refuse(request, Message("an author is required"))
    if request.kind in _WITH_REASON and not request.reason.strip():
        what = Message(_WITH_REASON[request.kind])
        _refuse(request, Message("say {what}, in a few words", what))
    for words in (request.author, request.reason, request.assignee or ""):
        if _is_unstorable(words):
            _refuse(request, Message("{text!r} cannot be stored", words))
    if request.until is not None and request.until.tzinfo is None:
        _refuse(request, Message("its end needs an offset, such as Z"))


def _is_unstorable(words: str) -> bool:
    """NUL or half a surrogate pair: the database cannot store these."""
    return any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in words)


def _next_state(request: Act, before: HandledAlarm) -> AlarmState:
    state = TABLE[before.lifecycle, request.kind]
    if isinstance(state, AlarmState):
        return state
    _refuse(request, Message(state))


def _handling_changes(
    request: Act, alarm: HandledAlarm, clock: datetime, longest: int
) -> dict[str, Any]:
    """The fields of the operator state that an act changes, beside the state."""
    changes: dict[str, Any] = {}
    match request.kind:
        case ActKind.ACKNOWLEDGE:
            changes = {"acknowledged": alarm.present_severity}
        case ActKind.UNACKNOWLEDGE:
            changes = {"acknowledged": None}
        case ActKind.CLOSE:
            # Never before its beginning, even where the scenario's clock lags behind the readings.
            at = max(micros(clock), alarm.began + 1)
            changes = {"closing": at, "acknowledged": alarm.present_severity}
        case ActKind.ASSIGN:
            changes = {"assignee": (request.assignee or "").strip() or None}
        case ActKind.SHELVE:
            until = _shelving_end(request, clock, longest)
            changes = {"hold": _build_hold(request, alarm, Hold.SHELVED, clock, until)}
        case ActKind.OUT_OF_SERVICE:
            changes = {"hold": _build_hold(request, alarm, Hold.OUT_OF_SERVICE, clock, None)}
        case ActKind.UNSHELVE | ActKind.RETURN_TO_SERVICE:
            changes = {"hold": None}
        case _:
            pass
    return changes


def _shelving_end(request: Act, clock: datetime, longest: int) -> datetime:
    if request.until is None:
        _refuse(request, Message("say until when"))
    end, now = micros(request.until), micros(clock)
    if end <= now:
        _refuse(request, Message("{end} is past; it is {clock}", text(end), text(now)))
    if end > now + longest:
        reason = Message(
            "at most {span} at once, so until {latest}; for longer, take it out of service",
            duration_text(longest),
            text(now + longest),
        )
        _refuse(request, reason)
    return request.until


def _build_hold(
    request: Act, alarm: HandledAlarm, kind: Hold, since: datetime, until: datetime | None
) -> HoldRecord:
    return HoldRecord(
        rule=alarm.rule,
        subject=alarm.subject,
        kind=kind,
        since=micros(since),
        until=None if until is None else micros(until),
        author=request.author.strip(),
        reason=request.reason.strip(),
    )


def _save(connection: Connection, request: Act, after: HandledAlarm) -> None:
    queries_lifecycle.save_handling(connection, after)
    match request.kind:
        case ActKind.SHELVE | ActKind.OUT_OF_SERVICE if after.hold is not None:
            queries_lifecycle.save_hold(connection, after.hold)
        case ActKind.UNSHELVE | ActKind.RETURN_TO_SERVICE:
            queries_lifecycle.delete_hold(connection, after.rule, after.subject)
        case ActKind.CLOSE if after.closing is not None and after.source is None:
            author, reason = request.author.strip(), request.reason.strip()
            queries_lifecycle.record_closing(
                connection, after, moment(after.closing), author=author, reason=reason
            )
        case _:
            pass


def _build_record(
    request: Act, after: HandledAlarm, now: datetime, scenario: datetime | None
) -> ActRecord:
    details = dict(request.details or {})
    if request.kind is ActKind.ASSIGN:
        details["assignee"] = after.assignee
    if request.kind is ActKind.ACKNOWLEDGE:
        details["severity"] = after.acknowledged
    if request.kind is ActKind.SHELVE and after.hold and after.hold.until is not None:
        details["until"] = text(after.hold.until)
    return ActRecord(
        id=0,
        alarm=request.alarm,
        kind=request.kind,
        author=request.author.strip(),
        at=micros(now),
        scenario_at=None if scenario is None else micros(scenario),
        reason=request.reason.strip(),
        details=details,
        version=after.version,
        state=after.state,
    )
