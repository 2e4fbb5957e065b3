"""Feeds as people see them: what each is for, how far it is, what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.freshness import Gap, find_gap
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.feeds import collect
from hypervisor.feeds.model import Feed, FeedState
from hypervisor.feeds.poll import address_of
from hypervisor.feeds.schedule import LATE_INTERVALS
from hypervisor.feeds.views_official import make_issue_input
from sensors._errors import Message, TerritoryError
from sensors._nearest import did_you_mean


class UnknownFeedError(TerritoryError):
    """No feed has this name."""


@dataclass(frozen=True, kw_only=True)
class FeedStatus:
    """A feed and its state. `idle`: why it is not asked, "" if it is; `is_off`: by its setting."""

    feed: Feed
    state: FeedState
    address: str
    devices: int
    idle: str
    is_off: bool

    def is_late(self, now: datetime) -> bool:
        """Whether it has not answered for some of its intervals."""
        last = self.state.answered_at
        return last is not None and now - last > LATE_INTERVALS * self.feed.every

    def find_gap(self, now: datetime) -> Gap | None:
        """What is wrong with the time of its last publication."""
        if self.feed.lasts is None or self.state.answered_at is None:
            return None
        return find_gap(make_issue_input(self.feed, self.state), now)

    def describe(self, now: datetime) -> Message:
        """One sentence."""
        state = self.state
        if self.idle:
            return Message("not read: {reason}", self.idle)
        last = f"{state.answered_at:%Y-%m-%d %H:%M:%S} UTC" if state.answered_at else ""
        if state.problem and not state.failures:
            return Message("{problem}", state.problem)
        if state.problem:
            since = last or Message("never")
            return Message(
                "{problem} (failures in a row: {count}; last usable answer: {time})",
                state.problem,
                state.failures,
                since,
            )
        return self._describe_answer(last, now)

    def _describe_answer(self, last: str, now: datetime) -> Message:
        if not last:
            return Message("not asked yet")
        if self.is_late(now):
            return Message("has not been asked since {time}: does `collect` run?", last)
        gap = self.find_gap(now)
        if gap is None:
            return Message("answered {time}", last)
        issued = f"{gap.since:%Y-%m-%d %H:%M} UTC" if gap.since else Message("a time not known")
        return Message("answered {time}, but its publication is of {issued}", last, issued)


def require_feed(name: str) -> str:
    """The name as it is. Raises UnknownFeedError: there is no such feed."""
    if name not in collect.SERVICES:
        raise UnknownFeedError(
            "no feed is named {name!r}{hint}", name, did_you_mean(name, collect.SERVICES)
        )
    return name


def list_unknown_off(settings: Settings) -> list[Message]:
    """One sentence a name in HYPERVISOR_FEEDS_OFF that no feed has."""
    return [
        Message(
            "HYPERVISOR_FEEDS_OFF: no feed is named {name!r}{hint}",
            name,
            did_you_mean(name, collect.SERVICES),
        )
        for name in collect.list_switched_off(settings)
        if name not in collect.SERVICES
    ]


def list_status(connection: Connection, settings: Settings) -> Sequence[FeedStatus]:
    """All feeds, by name."""
    switched_off = collect.list_switched_off(settings)
    return [
        FeedStatus(
            feed=context.feed,
            state=context.state,
            address=address_of(context.feed, settings),
            devices=len(context.devices),
            idle=collect.explain_idle(context),
            is_off=context.feed.name in switched_off,
        )
        for context in collect.make_contexts(connection, settings, sorted(collect.SERVICES))
    ]
