"""Rules or sites set aside by the evaluation: notified like a critical alarm."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.notifications.decision import RECHECK, Decision, Drop, Hold, Send
from hypervisor.notifications.hours import is_on_call
from hypervisor.notifications.message import Message
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.rendering import MessageStyle, prefix_exercise
from hypervisor.notifications.routes import Route, Routes
from hypervisor.notifications.words import WORDS, format_time

SET_ASIDE, RESUMED = "set aside", "resumed"
EVENTS = (SET_ASIDE, RESUMED)


def decide(entry: Entry, now: int, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """Send to every route on call that takes critical alarms of the rule's domain anywhere."""
    fit = [route for route in routes.routes if _matches(route, str(entry.body["rule"]))]
    at = moment(now)
    here = tuple(route for route in fit if is_on_call(route.hours, at, route.zone, holiday))
    if here:
        return Send(routes=here)
    if fit and entry.event == SET_ASIDE:
        return Hold(until=now + RECHECK, why="nobody is on call for it")
    return Drop(why="no route takes it" if not fit else "nobody is on call", no_route=not fit)


def render(entry: Entry, key: str, style: MessageStyle) -> Message:
    """The message: which rule, where, why, what to do."""
    words, body = WORDS[style.language], entry.body
    lines = [words["exercise"]] if style.exercise else []
    lines.append(
        words[f"{entry.event} rule" if body["rule"] else f"{entry.event} site"].format(
            rule=body["rule"], where=_format_subjects(body, words)
        )
    )
    if entry.event == SET_ASIDE:
        lines += [words["why"].format(reason=body["problem"]), words["mend"]]
    if style.link:
        lines.append(f"{style.link}/rules")
    title = f"{words[entry.event]} - {body['rule'] or _format_subjects(body, words)}"
    return Message(
        title=prefix_exercise(title, style),
        text="\n".join(lines),
        kind="failure" if entry.event == SET_ASIDE else "success",
        data={
            "key": key,
            "event": entry.event,
            "at": format_time(moment(entry.at), style.zone, style.language),
            "instance": style.instance,
            "exercise": style.exercise,
            "language": style.language,
            **body,
        },
    )


def _matches(route: Route, rule: str) -> bool:
    narrowed = route.areas or route.sites or route.rules or route.labels
    domain = not (rule and route.domains) or any(rule.startswith(f"{d}-") for d in route.domains)
    return domain and not narrowed and not route.only_escalated and "raised" in route.events


def _format_subjects(body: Mapping[str, Any], words: Mapping[str, str]) -> str:
    named = [subject for subject in body["subjects"] if subject]
    if not named:
        return words["everywhere"]
    more = body["count"] - len(named)
    return ", ".join(named) + (f" (+{more})" if more > 0 else "")
