"""Renders events as messages in the language of the route."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.base.failures import make_storable
from hypervisor.base.instants import micros, moment, parse, text
from hypervisor.base.words import name_function
from hypervisor.notifications.decision import OWN_ALARMS, SET_ASIDE
from hypervisor.notifications.events import current_severity
from hypervisor.notifications.model import Message
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.words import EXERCISE, WORDS, format_measure, format_time

_KINDS = {"info": "info", "minor": "warning", "major": "warning", "critical": "failure"}
_CALM = {"cleared": "success", "withdrawn": "success", "test": "info", "alive": "info"}


@dataclass(frozen=True, kw_only=True)
class AlarmNotice:
    """The contents of an alarm's message. `alarm`: its plain values when the message is written.

    `quantity`: its label per language. `notified_at`: when the first message was sent. Times: µs.
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
    head = words[notice.event].format(severity=words[severity].upper())
    link = f"{style.link}/alarms/{alarm['id']}" if style.link else ""
    number = words["number"].format(number=alarm["id"])
    return Message(
        title=_prefix_exercise(f"{head} - {_translated(notice, style, 'title')}", style),
        text=_join(_lines(notice, style), "  ".join(filter(None, [number, link])), style),
        kind=_CALM.get(notice.event) or _KINDS.get(severity, "warning"),
        data={
            **_base_data(notice.event, notice.key, text(notice.at), style),
            "reason": notice.reason,
            "severity": severity,
            "place": notice.place,
            "link": link,
            "alarm": dict(alarm),
        },
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
    """What the rule compares, the last value, and a warning if it is stale."""
    words, alarm = WORDS[style.language], notice.alarm
    last = alarm.get("last_value")
    judged = last.get("judged") if last else None
    if judged:
        value, limit = (
            format_measure(judged[what], judged["unit"], style.language)
            for what in ("value", "limit")
        )
        function = name_function(judged["function"], style.language)
        yield words["judged"].format(
            function=function, span=judged["over"], value=value, limit=limit
        )
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


def render_test(route: str, key: str, at: datetime, style: MessageStyle) -> Message:
    """The message of a test."""
    lines = [
        WORDS[style.language]["try"].format(route=route),
        f"{style.instance}, {_format_time(at, style)}",
    ]
    return _render_plain("test", key, lines, at, style)


def render_heartbeat(  # noqa: PLR0913  what is counted
    key: str, at: datetime, style: MessageStyle, *, waiting: int, dead: int, aside: int
) -> Message:
    """The heartbeat message: that it runs, and what is not evaluated or was not delivered."""
    words = WORDS[style.language]
    lines = [words["well"].format(name=style.instance, at=_format_time(at, style))]
    lines += [words["not evaluated"].format(count=aside)] if aside else []
    lines += [words["not delivered"].format(count=dead)] if dead else []
    return _render_plain("alive", key, lines, at, style, waiting=waiting, dead=dead)


def render_failure(entry: Entry, key: str, style: MessageStyle) -> Message:
    """A rule or site set aside, or resumed: which rule, where, why, what to do."""
    words, body = WORDS[style.language], entry.body
    rule, where = body["rule"], _format_subjects(body, words)
    failed = entry.event == SET_ASIDE
    lines = [words[f"{entry.event} {'rule' if rule else 'site'}"].format(rule=rule, where=where)]
    if failed:
        lines += [words["why"].format(reason=body["problem"]), words["mend"]]
    return Message(
        title=_prefix_exercise(f"{words[entry.event]} - {rule or where}", style),
        text=_join(lines, f"{style.link}/rules" if style.link else "", style),
        kind="failure" if failed else "success",
        data={
            **_base_data(entry.event, key, text(entry.at), style),
            **body,
        },
    )


def render_own_alarm(entry: Entry, key: str, style: MessageStyle) -> Message:
    """An alarm of our own, or its end: what is wrong, and what to do."""
    words, body = WORDS[style.language], entry.body
    begins, at = entry.event in OWN_ALARMS, _format_text(body["since"], style)
    lines = [words[f"{entry.event} text"].format(at=at, machine=body.get("machine"))]
    lines += [words[f"{entry.event} mend"]] if begins else []
    return Message(
        title=_prefix_exercise(f"{words[entry.event]} - {style.instance}", style),
        text=_join(lines, f"{style.link}/quality" if style.link else "", style),
        kind="failure" if begins else "success",
        data={**_base_data(entry.event, key, text(entry.at), style), **body},
    )


def render_assignment(entry: Entry, key: str, style: MessageStyle) -> Message:
    """A work order that is given to a team: what, where, until when."""
    words, body = WORDS[style.language], entry.body
    due = body["due"]
    lines = [
        body["description"],
        words["place"].format(place=body["place"]) if body["place"] else "",
        words["due"].format(at=_format_text(due, style)) if due else "",
        words["team"].format(team=body["team_title"]),
    ]
    link = f"{style.link}/field#{body['order']}" if style.link else ""
    number = words["order"].format(number=body["order"])
    head = words[entry.event].format(priority=words[f"priority {body['priority']}"].upper())
    return Message(
        title=_prefix_exercise(f"{head} - {body['title']}", style),
        text=_join(lines, "  ".join(filter(None, [number, link])), style),
        kind="warning" if body["priority"] in ("urgent", "high") else "info",
        data={**_base_data(entry.event, key, text(entry.at), style), **body, "link": link},
    )


def render_bare(entry: Entry, key: str, style: MessageStyle) -> Message:
    """What goes out where the message itself cannot be written: no part of it can fail."""
    words, body = WORDS[style.language], entry.body
    alarm = body.get("alarm")
    about = alarm if isinstance(alarm, Mapping) else body
    title = make_storable(str(about.get("title") or about.get("rule") or entry.event))
    link = f"{style.link}/alarms/{entry.alarm}" if style.link and entry.alarm else style.link
    return Message(
        title=_prefix_exercise(f"{words['bare']} - {title}", style),
        text=_join([words["look"]], link, style),
        kind="failure",
        data={**_base_data(entry.event, key, text(entry.at), style), "link": link},
    )


def _format_subjects(body: Mapping[str, Any], words: Mapping[str, str]) -> str:
    named = [subject for subject in body["subjects"] if subject]
    if not named:
        return words["everywhere"]
    more = body["count"] - len(named)
    return ", ".join(named) + (f" (+{more})" if more > 0 else "")


def _render_plain(
    event: str, key: str, lines: list[str], at: datetime, style: MessageStyle, **data: Any
) -> Message:
    title = f"{WORDS[style.language][event]} - {style.instance}"
    return Message(
        title=_prefix_exercise(title, style),
        text=_join(lines, "", style),
        kind=_CALM[event],
        data={**_base_data(event, key, text(micros(at)), style), **data},
    )


def _base_data(event: str, key: str, at: str, style: MessageStyle) -> dict[str, Any]:
    return {
        "key": key,
        "event": event,
        "at": at,
        "instance": style.instance,
        "exercise": style.exercise,
        "language": style.language,
    }


def _join(lines: Iterable[str], last: str, style: MessageStyle) -> str:
    """The text; in an exercise it says so first."""
    first = WORDS[style.language]["exercise"] if style.exercise else ""
    return "\n".join(line for line in (first, *lines, last) if line)


def _prefix_exercise(title: str, style: MessageStyle) -> str:
    return f"{EXERCISE} - {title}" if style.exercise else title


def _format_text(written: str, style: MessageStyle) -> str:
    return _format_micros(parse(written), style)


def _format_micros(instant: int, style: MessageStyle) -> str:
    return _format_time(moment(instant), style)


def _format_time(at: datetime, style: MessageStyle) -> str:
    return format_time(at, style.zone, style.language)
