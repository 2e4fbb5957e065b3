"""An event in the words of whoever is told: short, complete, the same for the same input."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.base.instants import moment, parse, text
from hypervisor.notifications.events import severity_now
from hypervisor.notifications.message import Message
from hypervisor.notifications.words import EXERCISE, WORDS, measure, time_text

_KINDS = {
    "info": "info",
    "minor": "warning",
    "major": "warning",
    "critical": "failure",
}
_CALM = {"cleared": "success", "withdrawn": "success", "test": "info", "alive": "info"}


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What is told of an alarm. `alarm`: as plain values, as it stands when it is told.

    `quantity`: its label per language. `told`: when this route was told first, of reminders. Times
    in µs.
    """

    event: str
    key: str
    at: int
    alarm: Mapping[str, Any]
    reason: str = ""
    place: str = ""
    quantity: Mapping[str, str] = field(default_factory=dict)
    told: int | None = None


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who speaks, and how: the instance, the route's language and zone, where links lead."""

    instance: str
    exercise: bool
    language: str = "fr"
    zone: str = "Europe/Paris"
    link: str = ""


def render(telling: Telling, voice: Voice) -> Message:
    """The message of one alarm's event."""
    words, alarm = WORDS[voice.language], telling.alarm
    severity = severity_now(alarm)
    named = words[severity].upper()
    head = words[telling.event].format(severity=named)
    title = f"{head} - {_own(telling, voice, 'title')}"
    lines = [words["exercise"]] if voice.exercise else []
    lines += list(_lines(telling, voice))
    link = f"{voice.link}/alarms/{alarm['id']}" if voice.link else ""
    lines.append("  ".join(filter(None, [words["number"].format(number=alarm["id"]), link])))
    return Message(
        title=prefixed(title, voice),
        text="\n".join(lines),
        kind=_CALM.get(telling.event) or _KINDS[severity],
        data=_data(telling, voice, link),
    )


def _lines(telling: Telling, voice: Voice) -> Iterator[str]:
    words, alarm = WORDS[voice.language], telling.alarm
    over, gone = alarm.get("ended"), telling.event == "withdrawn"
    if telling.event in ("reminder", "escalation") and telling.told is not None:
        yield words["unanswered"].format(at=_time(telling.told, voice))
    if not (over or gone):
        yield words["level"].format(severity=words[severity_now(alarm)])
    if gone:
        yield words["taken back"].format(at=_when(alarm["began"], voice))
    elif over:
        yield words["lasted"].format(at=_when(alarm["began"], voice), to=_when(over, voice))
    else:
        yield words["since"].format(at=_when(alarm["began"], voice))
    yield from _value(telling, voice)
    if telling.place:
        yield words["place"].format(place=telling.place)
    advice = _own(telling, voice, "advice")
    if advice and not (over or gone):
        yield words["advice"].format(advice=advice)
    if telling.reason and telling.event in ("revised", "withdrawn", "cleared"):
        yield words["why"].format(reason=telling.reason)


def _value(telling: Telling, voice: Voice) -> Iterator[str]:
    """What it last said, and whether that may still be believed."""
    words, alarm = WORDS[voice.language], telling.alarm
    last = alarm.get("last_value")
    if last:
        name = telling.quantity.get(voice.language) or last["quantity"]
        value = measure(last["value"], last["unit"], voice.language)
        line = words["value"].format(quantity=name, value=value, at=_when(last["time"], voice))
        if last.get("trend"):
            rate = measure(last.get("per_hour") or 0.0, last["unit"], voice.language, signed=True)
            line = f"{line}, {words[last['trend']].format(rate=rate)}"
        yield line
    stale = alarm.get("stale") or []
    if stale and stale[-1][1] is None and not alarm.get("ended"):
        yield words["silent"].format(at=_when(stale[-1][0], voice))


def _own(telling: Telling, voice: Voice, what: str) -> str:
    """Title or advice in the route's language, where the rule's author wrote it."""
    alarm = telling.alarm
    return str(alarm.get(f"{what}_{voice.language}") or alarm.get(what) or "")


def _data(telling: Telling, voice: Voice, link: str) -> dict[str, Any]:
    alarm = telling.alarm
    return {
        "key": telling.key,
        "event": telling.event,
        "at": text(telling.at),
        "reason": telling.reason,
        "severity": severity_now(alarm),
        "instance": voice.instance,
        "exercise": voice.exercise,
        "language": voice.language,
        "place": telling.place,
        "link": link,
        "alarm": dict(alarm),
    }


def tried(route: str, key: str, at: datetime, voice: Voice) -> Message:
    """A test of a route."""
    words = WORDS[voice.language]
    lines = [words["try"].format(route=route), f"{voice.instance}, {_at(at, voice)}"]
    return _plain("test", key, lines, at, voice)


def alive(key: str, at: datetime, voice: Voice, *, waiting: int, dead: int) -> Message:
    """The sign of life."""
    words = WORDS[voice.language]
    message = _plain(
        "alive", key, [words["well"].format(name=voice.instance, at=_at(at, voice))], at, voice
    )
    return Message(
        title=message.title,
        text=message.text,
        kind=message.kind,
        data={**message.data, "waiting": waiting, "dead": dead},
    )


def _plain(event: str, key: str, lines: list[str], at: datetime, voice: Voice) -> Message:
    words = WORDS[voice.language]
    if voice.exercise:
        lines = [words["exercise"], *lines]
    data = {
        "key": key,
        "event": event,
        "at": at.isoformat().replace("+00:00", "Z"),
        "instance": voice.instance,
        "exercise": voice.exercise,
        "language": voice.language,
    }
    title = prefixed(f"{words[event]} - {voice.instance}", voice)
    return Message(title=title, text="\n".join(lines), kind=_CALM[event], data=data)


def prefixed(title: str, voice: Voice) -> str:
    """A title that says whether it is of an exercise."""
    return f"{EXERCISE} - {title}" if voice.exercise else title


def _when(written: str, voice: Voice) -> str:
    return _time(parse(written), voice)


def _time(instant: int, voice: Voice) -> str:
    return _at(moment(instant), voice)


def _at(at: datetime, voice: Voice) -> str:
    return time_text(at, voice.zone, voice.language)
