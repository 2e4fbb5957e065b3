"""The present state of suppression, for notifications and lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import chatter, queries_lifecycle, queries_suppression
from hypervisor.alarms.chatter import Chatter, Limit
from hypervisor.alarms.model import Suppression
from hypervisor.alarms.suppression import SuppressionInputs, find_suppressions
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries_works
from hypervisor.registry.queries_works import load_in_force
from sensors._scalars import duration_micros


@dataclass(frozen=True, kw_only=True)
class SuppressionState:
    """The inputs of suppression at one time, read once for many alarms.

    `now`: µs on the instance's clock; None: the scenario has not begun, and nothing is suppressed.
    """

    now: int | None
    around: SuppressionInputs

    def of(
        self, connection: Connection, numbers: Sequence[int]
    ) -> dict[int, tuple[Suppression, ...]]:
        """The suppressions of each of these alarms; empty: it may notify."""
        if self.now is None or not numbers:
            return dict.fromkeys(numbers, ())
        cases = queries_suppression.list_cases(connection, moment(self.now), numbers=numbers)
        return {case.id: find_suppressions(case, self.around, now=self.now) for case in cases}


def read_suppression(connection: Connection, *, wall: datetime) -> SuppressionState:
    """Read the inputs of suppression. `wall`: the wall clock; an exercise has its own."""
    clock = queries_lifecycle.read_clock(connection, wall)
    if clock is None:
        return SuppressionState(now=None, around=SuppressionInputs())
    rules = load_in_force(connection, "rule", clock)
    around = SuppressionInputs(
        active=queries_suppression.list_cases(connection, clock),
        inhibits={name: frozenset(rule.get("inhibits") or ()) for name, rule in rules.items()},
        works=queries_works.load_works(connection),
        holds={
            (hold.rule, hold.subject): hold
            for hold in queries_lifecycle.list_holds(connection, clock)
        },
        chatter=read_chattering(connection, clock, rules),
        never=frozenset(name for name, rule in rules.items() if is_never_suppressed(rule)),
    )
    return SuppressionState(now=micros(clock), around=around)


def is_never_suppressed(rule: Mapping[str, Any]) -> bool:
    """Whether a rule says `suppress: never`: people cannot silence it either."""
    return rule.get("suppress") == "never"


def read_chattering(
    connection: Connection, clock: datetime, rules: Mapping[str, Any]
) -> dict[chatter.Pair, Chatter]:
    """The alarms chattering at a time, by the limits of rules and settings."""
    default, limits = read_limits(connection, rules)
    longest = max(limit.window for limit in (default, *limits.values()))
    # Two windows back: a spell exceeded the limit at most one window ago, counted over one window.
    since = clock - timedelta(microseconds=2 * longest)
    begun = queries_suppression.list_beginnings(connection, since, clock)
    return chatter.find_chattering(begun, limits, default, now=micros(clock))


def read_limits(connection: Connection, rules: Mapping[str, Any]) -> tuple[Limit, dict[str, Limit]]:
    """The limit of the settings, and those of rules that set one."""
    settings = queries_lifecycle.read_settings(connection)
    default = Limit(count=settings.chatter_count, window=settings.chatter_window)
    limits = {
        name: limit for name, rule in rules.items() if (limit := parse_limit(rule)) is not None
    }
    return default, limits


def parse_limit(rule: Mapping[str, Any]) -> Limit | None:
    """The limit of a rule's `chatter: 5 in 1 h`; None: missing or malformed."""
    count, _, window = str(rule.get("chatter") or "").partition(" in ")
    try:
        span = duration_micros(window)
        return Limit(count=int(count), window=span) if int(count) > 0 and span > 0 else None
    except ValueError:
        return None  # the check of packs reports it
