"""Suppression as it is now: what notifications ask before sending, and lists show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import chatter, queries_lifecycle, queries_surroundings
from hypervisor.alarms import settings as dials
from hypervisor.alarms.chatter import Chatter, Limit
from hypervisor.alarms.settings import AlarmSettings
from hypervisor.alarms.suppression import Suppression, SuppressionInputs, find_suppressions
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries_works
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._tree import Place


@dataclass(frozen=True, kw_only=True)
class SuppressionState:
    """What stands around all alarms at one time; cheap to ask for many alarms.

    `now`: µs on the instance's clock; None: the scenario has not begun, and nothing is suppressed.
    """

    now: int | None
    around: SuppressionInputs

    def of(
        self, connection: Connection, numbers: Sequence[int]
    ) -> dict[int, tuple[Suppression, ...]]:
        """Why each of these alarms notifies nobody now; none: it may speak."""
        if self.now is None or not numbers:
            return dict.fromkeys(numbers, ())
        cases = queries_surroundings.list_cases(connection, moment(self.now), numbers=numbers)
        return {case.id: find_suppressions(case, self.around, now=self.now) for case in cases}


def read_suppression(connection: Connection, *, wall: datetime) -> SuppressionState:
    """Read what stands around the alarms now. `wall`: the wall's now; an exercise has its own."""
    clock = queries_lifecycle.read_clock(connection, wall)
    if clock is None:
        return SuppressionState(now=None, around=SuppressionInputs())
    rules = queries_surroundings.read_rules(connection, clock)
    around = SuppressionInputs(
        active=queries_surroundings.list_cases(connection, clock),
        inhibits={name: frozenset(rule.get("inhibits") or ()) for name, rule in rules.items()},
        works=queries_works.load_works(connection),
        holds={
            (hold.rule, hold.subject): hold
            for hold in queries_lifecycle.list_holds(connection, clock)
        },
        chatter=read_chattering(connection, clock, rules),
    )
    return SuppressionState(now=micros(clock), around=around)


def read_chattering(
    connection: Connection, clock: datetime, rules: Mapping[str, Any]
) -> dict[chatter.Pair, Chatter]:
    """What chatters at a time, by what its rules or the settings say of it."""
    settings = dials.from_stored(queries_lifecycle.read_settings(connection))
    default = default_limit(settings)
    limits = {
        name: limit for name, rule in rules.items() if (limit := parse_limit(rule)) is not None
    }
    longest = max(limit.window for limit in (default, *limits.values()))
    # Twice as long: a spell began once too often at most a window ago, counted over a window.
    since = clock - timedelta(microseconds=2 * longest)
    begun = chatter.group_by_pair(queries_surroundings.list_beginnings(connection, since, clock))
    return chatter.find_chattering(begun, limits, default, now=micros(clock))


def default_limit(settings: AlarmSettings) -> Limit:
    """The limit of rules that set none."""
    return Limit(count=settings.chatter_count, window=settings.chatter_window)


def parse_limit(rule: Mapping[str, Any]) -> Limit | None:
    """`chatter: 5 in 1 h` of a rule as written; None where it is not there, or not to be read."""
    count, _, window = str(rule.get("chatter") or "").partition(" in ")
    try:
        span = parse_duration(window, Place(file="", line=0, column=0))
        return Limit(count=int(count), window=span) if int(count) > 0 and span > 0 else None
    except (RuleError, ValueError):
        return None  # the packs' check tells its author
