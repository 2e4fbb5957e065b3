"""Renders events as messages in the language of the route."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.base.instants import moment, parse, text
from hypervisor.notifications.events import current_severity
from hypervisor.notifications.message import Message
from hypervisor.notifications.words import EXERCISE, WORDS, format_measure, format_time

_KINDS = {
    "info": "info",
    "minor": "warning",
    "major": "warning",
    "critical": "failure",
}
_CALM = {"cleared": "success", "withdrawn": "success", "test": "info", "alive": "info"}


@dataclass(frozen=True, kw_only=True)
class AlarmNotice:
    """What a message says of an alarm. `alarm`: its plain values when the message is written.

    `quantity`: its label per language. `notified_at`: when this route was first told. Times in µs.
    """

    event: str
    key: str
    at: int
    alarm: Mapping[str, Any]
    reason: str = ""
    place: str = ""
    quantity: Mapping[str, str] = field(default_factory=dict)
    notified_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class MessageStyle:
    """The instance, and the language, zone and link base of messages."""

    instance: str
    exercise: bool
    language: str = "fr"
    zone: str = "Europe/Paris"
    link: str = ""


def render(notice: AlarmNotice, style: MessageStyle) -> Message:
    """The message of an alarm event."""
    words, alarm = WORDS[style.language], notice.alarm
    severity = current_severity(alarm)
    named = words[severity].upper()
    head = words[notice.event].format(severity=named)
    title = f"{head} - {_translated(notice, style, 'title')}"
    lines = [words["exercise"]] if style.exercise else []
    lines += list(_lines(notice, style))
    link = f"{style.link}/alarms/{alarm['id']}" if style.link else ""
    lines.append("  ".join(filter(None, [words["number"].format(number=alarm["id"]), link])))
    return Message(
        title=prefix_exercise(title, style),
        text="\n".join(lines),
        kind=_CALM.get(notice.event) or _KINDS[severity],
        data=_build_data(notice, style, link),
    )


def _lines(notice: AlarmNotice, style: MessageStyle) -> Iterator[str]:
    words, alarm = WORDS[style.language], notice.alarm
    over, gone = alarm.get("ended"), notice.event == "withdrawn"
    if notice.event in ("reminder", "escalation") and notice.notified_at is not None:
        yield words["unanswered"].format(at=_format_micros(notice.notified_at, style))
    if not (over or gone):
        yield words["level"].format(severity=words[current_severity(alarm)])
    if gone:
        yield words["taken back"].format(at=_format_text(alarm["began"], style))
    elif over:
        yield words["lasted"].format(
            at=_format_text(alarm["began"], style), to=_format_text(over, style)
        )
    else:
        yield words["since"].format(at=_format_text(alarm["began"], style))
    yield from _value_lines(notice, style)
    if notice.place:
        yield words["place"].format(place=notice.place)
    advice = _translated(notice, style, "advice")
    if advice and not (over or gone):
        yield words["advice"].format(advice=advice)
    if notice.reason and notice.event in ("revised", "withdrawn", "cleared"):
        yield words["why"].format(reason=notice.reason)


def _value_lines(notice: AlarmNotice, style: MessageStyle) -> Iterator[str]:
    """The last value, and a warning if it is stale."""
    words, alarm = WORDS[style.language], notice.alarm
    last = alarm.get("last_value")
    if last:
        name = notice.quantity.get(style.language) or last["quantity"]
        value = format_measure(last["value"], last["unit"], style.language)
        line = words["value"].format(
            quantity=name, value=value, at=_format_text(last["time"], style)
        )
        if last.get("trend"):
            rate = format_measure(
                last.get("per_hour") or 0.0, last["unit"], style.language, signed=True
            )
            line = f"{line}, {words[last['trend']].format(rate=rate)}"
        yield line
    stale = alarm.get("stale") or []
    if stale and stale[-1][1] is None and not alarm.get("ended"):
        yield words["silent"].format(at=_format_text(stale[-1][0], style))


def _translated(notice: AlarmNotice, style: MessageStyle, what: str) -> str:
    """Title or advice in the language of the route, if the rule has it."""
    alarm = notice.alarm
    return str(alarm.get(f"{what}_{style.language}") or alarm.get(what) or "")


def _build_data(notice: AlarmNotice, style: MessageStyle, link: str) -> dict[str, Any]:
    alarm = notice.alarm
    return {
        "key": notice.key,
        "event": notice.event,
        "at": text(notice.at),
        "reason": notice.reason,
        "severity": current_severity(alarm),
        "instance": style.instance,
        "exercise": style.exercise,
        "language": style.language,
        "place": notice.place,
        "link": link,
        "alarm": dict(alarm),
    }


def render_test(route: str, key: str, at: datetime, style: MessageStyle) -> Message:
    """The message of a test."""
    words = WORDS[style.language]
    lines = [words["try"].format(route=route), f"{style.instance}, {_format_time(at, style)}"]
    return _render_plain("test", key, lines, at, style)


def render_heartbeat(
    key: str, at: datetime, style: MessageStyle, *, waiting: int, dead: int
) -> Message:
    """The heartbeat message."""
    words = WORDS[style.language]
    message = _render_plain(
        "alive",
        key,
        [words["well"].format(name=style.instance, at=_format_time(at, style))],
        at,
        style,
    )
    return Message(
        title=message.title,
        text=message.text,
        kind=message.kind,
        data={**message.data, "waiting": waiting, "dead": dead},
    )


def _render_plain(
    event: str, key: str, lines: list[str], at: datetime, style: MessageStyle
) -> Message:
    words = WORDS[style.language]
    if style.exercise:
        lines = [words["exercise"], *lines]
    data = {
        "key": key,
        "event": event,
        "at": at.isoformat().replace("+00:00", "Z"),
        "instance": style.instance,
        "exercise": style.exercise,
        "language": style.language,
    }
    title = prefix_exercise(f"{words[event]} - {style.instance}", style)
    return Message(title=title, text="\n".join(lines), kind=_CALM[event], data=data)


def prefix_exercise(title: str, style: MessageStyle) -> str:
    """A title, marked in an exercise."""
    return f"{EXERCISE} - {title}" if style.exercise else title


def _format_text(written: str, style: MessageStyle) -> str:
    return _format_micros(parse(written), style)


def _format_micros(instant: int, style: MessageStyle) -> str:
    return _format_time(moment(instant), style)


def _format_time(at: datetime, style: MessageStyle) -> str:
    return format_time(at, style.zone, style.language)
