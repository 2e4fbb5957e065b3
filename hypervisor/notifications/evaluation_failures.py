"""What the watch set aside, or evaluates again: told like a critical alarm, though it is none."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.notifications.decision import AGAIN, Decision, Drop, Hold, Send
from hypervisor.notifications.hours import on_call
from hypervisor.notifications.message import Message
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.rendering import Voice, prefixed
from hypervisor.notifications.routes import Route, Routes
from hypervisor.notifications.words import WORDS, time_text

SET_ASIDE, RESUMED = "set aside", "resumed"
EVENTS = (SET_ASIDE, RESUMED)


def decide(entry: Entry, now: int, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """To every route on call that takes whatever is grave of the rule's domain, anywhere."""
    fit = [route for route in routes.routes if _fits(route, str(entry.body["rule"]))]
    at = moment(now)
    here = tuple(route for route in fit if on_call(route.hours, at, route.zone, holiday))
    if here:
        return Send(routes=here)
    if fit and entry.event == SET_ASIDE:
        return Hold(until=now + AGAIN, why="nobody is on call for it")
    return Drop(why="no route takes it" if not fit else "nobody is on call", no_route=not fit)


def render(entry: Entry, key: str, voice: Voice) -> Message:
    """The message: which rule, where, why, and what to do."""
    words, body = WORDS[voice.language], entry.body
    lines = [words["exercise"]] if voice.exercise else []
    lines.append(
        words[f"{entry.event} rule" if body["rule"] else f"{entry.event} site"].format(
            rule=body["rule"], where=_where(body, words)
        )
    )
    if entry.event == SET_ASIDE:
        lines += [words["why"].format(reason=body["problem"]), words["mend"]]
    if voice.link:
        lines.append(f"{voice.link}/rules")
    title = f"{words[entry.event]} - {body['rule'] or _where(body, words)}"
    return Message(
        title=prefixed(title, voice),
        text="\n".join(lines),
        kind="failure" if entry.event == SET_ASIDE else "success",
        data={
            "key": key,
            "event": entry.event,
            "at": time_text(moment(entry.at), voice.zone, voice.language),
            "instance": voice.instance,
            "exercise": voice.exercise,
            "language": voice.language,
            **body,
        },
    )


def _fits(route: Route, rule: str) -> bool:
    narrowed = route.areas or route.sites or route.rules or route.labels
    domain = not (rule and route.domains) or any(rule.startswith(f"{d}-") for d in route.domains)
    return domain and not narrowed and not route.only_escalated and "raised" in route.events


def _where(body: Mapping[str, Any], words: Mapping[str, str]) -> str:
    named = [subject for subject in body["subjects"] if subject]
    if not named:
        return words["everywhere"]
    more = body["count"] - len(named)
    return ", ".join(named) + (f" (+{more})" if more > 0 else "")
