"""A poll without a database: the context that a poller is given, and a service that it asks."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypervisor.base.settings import Settings
from hypervisor.feeds.model import Feed, FeedState
from hypervisor.feeds.poll import Device, PollContext
from tests.unit.feeds.hostile import Behaviour, Say

NOW = datetime(2026, 8, 25, 15, tzinfo=UTC)


def make_context(
    feed: Feed,
    address: str,
    *codes: str,
    cursor: Mapping[str, Any] | None = None,
    seconds: float = 30.0,
) -> PollContext:
    """Of devices with these codes. It waits for nothing, for an answer `seconds`."""
    return PollContext(
        feed=replace(feed, spacing_s=0),
        settings=Settings(
            feeds_url=address, feeds_timeout_seconds=seconds, meteofrance_key="a key"
        ),
        state=FeedState(name=feed.name, cursor=cursor or {}),
        now=NOW,
        clock=lambda: NOW,
        devices=tuple(Device(name=c.lower(), code=c, quantities=frozenset()) for c in codes),
        departements=("91",),
        bounds=((2.0, 48.3, 2.6, 48.8),),
    )


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first one first; the last one for good."""
    turns: Iterator[Behaviour] = iter(behaviours)
    last = behaviours[-1]

    def answer(say: Say, host: str) -> None:
        next(turns, last)(say, host)

    return answer
