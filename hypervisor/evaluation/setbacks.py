"""Rules and subjects whose evaluation fails are set aside, while all others continue.

A setback concerns a rule at a subject, a rule, or a subject. It is tried again when registry or
rules change, and at start, from where it failed, so that the alarm log is as if nothing had failed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import BEGINNING
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries_setbacks import EVERY, Setback, is_server_failure
from hypervisor.evaluation.shards import ALL
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.queries_outbox import Event
from sensors._errors import TerritoryError

log = logging.getLogger(__name__)

_PROBLEM = 300  # characters
_SUBJECTS = 20  # named in a notification

Part = TypeVar("Part")
Result = TypeVar("Result")


@dataclass(kw_only=True)
class Setbacks:
    """What is set aside. `now`: not evaluated; `trying`: tried again in the next step.

    `again`: when (µs) a revision of the rule comes into force that may fix it. `stored`: as in the
    table. `shards`: those whose subjects are evaluated here.
    """

    shards: AbstractSet[int] = ALL
    now: dict[Pair, Setback] = field(default_factory=dict)
    trying: dict[Pair, Setback] = field(default_factory=dict)
    again: dict[Pair, int] = field(default_factory=dict)
    stored: dict[Pair, Setback] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: Connection, shards: AbstractSet[int] = ALL) -> "Setbacks":
        """Load those of the last commit, to be tried again."""
        every, stored = queries_setbacks.load(connection, shards)
        return cls(shards=shards, trying=every, stored=stored)

    def holds(self, pair: Pair, horizon: int) -> bool:
        """Whether a rule at a subject is set aside up to a time (µs)."""
        return pair in self.now and self.again.get(pair, horizon + 1) > horizon

    def put(self, pair: Pair, since: int, error: Exception) -> None:
        """Set aside from a time (µs) on."""
        before = self.trying.pop(pair, None) or self.now.get(pair)
        self.again.pop(pair, None)
        since = since if before is None else min(since, before.since)
        if not any(rule == pair[0] for rule, _ in self.now):
            log.warning("set aside: %s", describe_setback(pair), exc_info=error)
        self.now[pair] = Setback(since=max(since, BEGINNING), problem=describe_error(error))

    def lower(self, pair: Pair, since: int) -> None:
        """Begin earlier: older readings came meanwhile."""
        setback = self.now[pair]
        if since < setback.since:
            self.now[pair] = replace(setback, since=max(since, BEGINNING))

    def passed(self, pair: Pair) -> None:
        """Remove a setback: the evaluation succeeded."""
        for setbacks in (self.trying, self.now, self.again):
            setbacks.pop(pair, None)

    def save(self, connection: Connection, now: int) -> tuple[list[Pair], list[Pair]]:
        """Write what changed, with its notifications, in the caller's transaction.

        `now`: the time of noticing (µs). Returns what is newly set aside and what is resumed.
        """
        standing = {**self.trying, **self.now}
        if standing == self.stored:
            return [], []
        fresh = sorted(standing.keys() - self.stored.keys())
        gone = sorted(self.stored.keys() - standing.keys())
        changed = {k: setback for k, setback in standing.items() if self.stored.get(k) != setback}
        elsewhere = queries_setbacks.list_elsewhere(connection, self.shards)
        before, after = ({*pairs, *elsewhere} for pairs in (self.stored, standing))
        problems = {pair: s.problem for pair, s in {**self.stored, **standing}.items()}
        queries_setbacks.save(connection, changed, gone, self.shards)
        queries_outbox.put_events(connection, _events(before, after, problems, now))
        self.stored = standing
        return fresh, gone


def run_isolated(
    parts: Sequence[Part],
    run: Callable[[Sequence[Part]], Result],
    failed: Callable[[Part, Exception], None],
) -> Iterator[Result]:
    """The results of `run` over all parts at once; where that fails, over halves of them.

    A part that fails alone is passed to `failed`. Failures of the database server are raised.
    """
    if not parts:
        return
    try:
        result = run(parts)
    except Exception as error:
        if is_server_failure(error):
            raise
        if len(parts) == 1:
            failed(parts[0], error)
            return
        half = len(parts) // 2
        yield from run_isolated(parts[:half], run, failed)
        yield from run_isolated(parts[half:], run, failed)
    else:
        yield result


def run_each_isolated(
    parts: Iterable[Part],
    run: Callable[[Part], Result],
    failed: Callable[[Part, Exception], None],
) -> Iterator[Result]:
    """The results of `run` over each part by itself; one that fails is passed to `failed`."""
    for part in parts:
        yield from run_isolated([part], lambda some: run(some[0]), failed)


def concerns(aside: Pair, pair: Pair, place: str | None) -> bool:
    """Whether a setback concerns a rule at a subject of a site."""
    return aside[0] in (EVERY, pair[0]) and aside[1] in (EVERY, pair[1], place)


def describe_setback(pair: Pair) -> str:
    """What a setback concerns, in words."""
    rule, subject = pair
    return f"{f'rule {rule}' if rule else 'every rule'} at {subject or 'every subject'}"


def describe_error(error: Exception) -> str:
    """An error on one line."""
    text = " ".join(str(error).replace("\0", "").split()) or "no details"
    kind = "" if isinstance(error, TerritoryError) else f"{type(error).__name__}: "
    return f"{kind}{text}"[:_PROBLEM]


def _events(
    before: AbstractSet[Pair], after: AbstractSet[Pair], problems: Mapping[Pair, str], now: int
) -> Iterator[Event]:
    """One event per rule (or subject) whose first setback came or last one went."""
    for name, pairs_now, pairs_else in (("set aside", after, before), ("resumed", before, after)):
        other = {_about(pair) for pair in pairs_else}
        fresh = [pair for pair in sorted(pairs_now) if _about(pair) not in other]
        for rule, subject in dict.fromkeys(map(_about, fresh)):
            pairs = [pair for pair in fresh if _about(pair) == (rule, subject)]
            yield Event(
                alarm=None,
                event=name,
                at=now,
                body={
                    "rule": rule,
                    "subjects": sorted({at for _, at in pairs})[:_SUBJECTS],
                    "count": len(pairs),
                    "problem": problems[pairs[0]],
                },
                key=f"{name}:{rule}:{subject}:{now}",
            )


def _about(pair: Pair) -> Pair:
    rule, subject = pair
    return (rule, EVERY) if rule else (EVERY, subject)
