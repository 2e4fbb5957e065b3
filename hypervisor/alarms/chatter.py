"""Chattering alarms: those that begin too often within a window."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rules._duration import duration_text
from sensors._errors import Message

Pair = tuple[str, str]  # rule, subject


@dataclass(frozen=True, kw_only=True)
class Limit:
    """More than `count` beginnings within `window` (µs) are chatter."""

    count: int
    window: int


@dataclass(frozen=True, kw_only=True)
class Chatter:
    """An alarm that is chattering. Times in µs.

    `began`: when it exceeded the limit; `until`: when it is calm unless it begins again.
    """

    rule: str
    subject: str
    times: int
    limit: Limit
    began: int
    until: int

    @property
    def reason(self) -> str:
        return Message(
            "it began {count} times within {span}", self.times, duration_text(self.limit.window)
        )


def find_spells(beginnings: Sequence[int], limit: Limit) -> list[tuple[int, int]]:
    """The spells of chattering, in µs; `beginnings` ascending.

    It chatters at t while more than `count` beginnings lie in (t - window, t].
    """
    intervals: list[tuple[int, int]] = []
    for last in range(limit.count, len(beginnings)):
        first = beginnings[last - limit.count]
        if beginnings[last] - first >= limit.window:
            continue
        begins, ends = beginnings[last], first + limit.window
        if intervals and begins <= intervals[-1][1]:
            begins = intervals.pop()[0]
        intervals.append((begins, ends))
    return intervals


def find_chattering(
    beginnings: Mapping[Pair, Sequence[int]],
    limits: Mapping[str, Limit],
    default: Limit,
    *,
    now: int,
) -> dict[Pair, Chatter]:
    """The alarms chattering at `now`. `limits`: per rule, where the rule sets one."""
    chatters: dict[Pair, Chatter] = {}
    for (rule, subject), times in beginnings.items():
        limit = limits.get(rule, default)
        past = times[: bisect_right(times, now)]
        span = next(
            (chatter for chatter in find_spells(past, limit) if chatter[0] <= now < chatter[1]),
            None,
        )
        if span is not None:
            recent = len(past) - bisect_right(past, now - limit.window)
            chatters[rule, subject] = Chatter(
                rule=rule,
                subject=subject,
                times=recent,
                limit=limit,
                began=span[0],
                until=span[1],
            )
    return chatters
