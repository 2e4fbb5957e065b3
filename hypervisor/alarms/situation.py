"""Suppression as it is now: what notifications ask before sending, and lists show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import chatter, queries_lifecycle, queries_surroundings
from hypervisor.alarms import settings as dials
from hypervisor.alarms.chatter import Chatter, Limit
from hypervisor.alarms.settings import Dials
from hypervisor.alarms.suppression import Suppression, Surroundings, suppressed
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries_works
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._tree import Place


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What stands around all alarms at one time; cheap to ask for many alarms.

    `now`: µs on the instance's clock; None: the scenario has not begun, and nothing is suppressed.
    """

    now: int | None
    around: Surroundings

    def of(
        self, connection: Connection, numbers: Sequence[int]
    ) -> dict[int, tuple[Suppression, ...]]:
        """Why each of these alarms notifies nobody now; none: it may speak."""
        if self.now is None or not numbers:
            return dict.fromkeys(numbers, ())
        cases = queries_surroundings.cases(connection, moment(self.now), numbers=numbers)
        return {case.id: suppressed(case, self.around, now=self.now) for case in cases}


def situation(connection: Connection, *, wall: datetime) -> Situation:
    """Read what stands around the alarms now. `wall`: the wall's now; an exercise has its own."""
    clock = queries_lifecycle.clock(connection, wall)
    if clock is None:
        return Situation(now=None, around=Surroundings())
    rules = queries_surroundings.rules(connection, clock)
    around = Surroundings(
        active=queries_surroundings.cases(connection, clock),
        inhibits={name: frozenset(rule.get("inhibits") or ()) for name, rule in rules.items()},
        works=queries_works.works(connection),
        holds={
            (hold.rule, hold.subject): hold for hold in queries_lifecycle.holds(connection, clock)
        },
        chatter=chattering(connection, clock, rules),
    )
    return Situation(now=micros(clock), around=around)


def chattering(
    connection: Connection, clock: datetime, rules: Mapping[str, Any]
) -> dict[chatter.Pair, Chatter]:
    """What chatters at a time, by what its rules or the settings say of it."""
    settings = dials.of(queries_lifecycle.settings(connection))
    default = limit_of(settings)
    limits = {name: limit for name, rule in rules.items() if (limit := limit_in(rule)) is not None}
    longest = max(one.window for one in (default, *limits.values()))
    # Twice as long: a spell began once too often at most a window ago, counted over a window.
    since = clock - timedelta(microseconds=2 * longest)
    begun = chatter.by_pair(queries_surroundings.beginnings(connection, since, clock))
    return chatter.chattering(begun, limits, default, now=micros(clock))


def limit_of(settings: Dials) -> Limit:
    """The limit of rules that set none."""
    return Limit(count=settings.chatter_count, window=settings.chatter_window)


def limit_in(rule: Mapping[str, Any]) -> Limit | None:
    """`chatter: 5 in 1 h` of a rule as written; None where it is not there, or not to be read."""
    count, _, window = str(rule.get("chatter") or "").partition(" in ")
    try:
        span = parse_duration(window, Place(file="", line=0, column=0))
        return Limit(count=int(count), window=span) if int(count) > 0 and span > 0 else None
    except (RuleError, ValueError):
        return None  # the packs' check tells its author
