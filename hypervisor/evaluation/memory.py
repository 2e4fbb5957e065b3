"""What the watch holds in memory; built from the database at start and after any error."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from hypervisor.alarms import queries as alarms
from hypervisor.alarms.log import Alarm, Pair
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries
from hypervisor.evaluation.agenda import Agenda
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries import EvaluationState, Fact
from hypervisor.evaluation.schedule import EvaluationPlan
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import Bounds, SeriesTail
from hypervisor.evaluation.setbacks import Setbacks
from hypervisor.evaluation.shards import ALL
from hypervisor.evaluation.tail_budget import TailBudget
from hypervisor.evaluation.territory import Territory
from hypervisor.evaluation.touched_sites import TouchedSites
from hypervisor.readings import queries_history
from hypervisor.registry.model import Registry
from hypervisor.registry.queries import RegistryCopy
from rules._inputs import Closing
from rules._rule_state import Phase, StateChange
from sensors._row import NEVER, ROW

# The reason of the first, inactive state after pruning: evaluation does not go back behind it.
FORGOTTEN = "what was before is kept no longer"

_FEWEST, _MOST = 64, 5_000  # rows of one series read at start
_AT_ONCE = 500_000  # rows read together
TAILS = 256 * 2**20  # bytes of all tails, where no bound is set


@dataclass(kw_only=True)
class Watermark:
    """How far ingest has listened: the lowest heartbeat of its workers; `floor` never goes back."""

    floor: int = NEVER
    beats: dict[str, int] = field(default_factory=dict)

    def beat(self, worker: str, at: int) -> None:
        self.beats[worker] = max(at, self.beats.get(worker, NEVER))

    def raise_floor(self, joined: Mapping[str, int]) -> int:
        """The time (µs) up to which silence may be evaluated; `joined`: of each worker (µs).

        A worker without a heartbeat since this watch began counts from the floor, or from when it
        joined: its earlier heartbeats are in that floor already.
        """
        lowest = [self.beats.get(name, max(at, self.floor)) for name, at in joined.items()]
        if lowest and self.beats:
            self.floor = max(self.floor, min(lowest))
        return self.floor


def union(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans joined where they touch or overlap, ascending."""
    joined: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        elif until > since:
            joined.append((since, until))
    return tuple(joined)


@dataclass(kw_only=True, slots=True)
class Standing:
    """Where a rule stands at a subject.

    `open`: its states from the last inactive one on. `alarms`: those recorded since then.
    """

    open: list[StateChange] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """Entries of the feed of which something is still to be evaluated; then `state` is saved.

    `waiting`: more of the feed waits behind them.
    """

    entries: int
    waiting: bool
    evaluations: Iterator[Sequence[Any]]
    state: EvaluationState


@dataclass(kw_only=True)
class Memory:
    """`state`: what the last commit wrote; with `unfinished`, of what was read before."""

    state: EvaluationState
    territory: Territory
    tails: dict[int, SeriesTail]
    stats: SeriesStats
    agenda: Agenda
    standings: dict[Pair, Standing]
    watermark: Watermark
    gaps: tuple[tuple[int, int], ...]
    power_schedule: PowerSchedule
    shards: AbstractSet[int] = ALL  # which it evaluates
    closings: Mapping[Pair, tuple[Closing, ...]] = field(default_factory=dict)
    registry_copy: RegistryCopy = field(default_factory=RegistryCopy)
    registry: Registry | None = None  # from which the territory was arranged
    facts: Mapping[Fact, Any] = field(default_factory=dict)  # of the territory, in plain values
    inputs: Mapping[Fact, Any] | None = None  # of this evaluation; None: not collected yet
    saved_inputs: Mapping[Fact, Any] | None = None  # of the last evaluation, as they are stored
    touched: TouchedSites = field(default_factory=TouchedSites)
    setbacks: Setbacks = field(default_factory=Setbacks)
    budget: TailBudget = field(default_factory=lambda: TailBudget(most=TAILS))
    unfinished: Unfinished | None = None
    rearranged: bool = False  # since alarms that nothing evaluates were last looked for

    @property
    def plans(self) -> Mapping[str, EvaluationPlan]:
        """By rule."""
        return self.agenda.plans

    def closing_after(self, pair: Pair, time: int) -> int | None:
        """When (µs) the next alarm of a pair was closed by hand, after a time."""
        return min(
            (closing.at for closing in self.closings.get(pair, ()) if closing.at > time),
            default=None,
        )


def load_tails(
    connection: Connection,
    territory: Territory,
    watermark: int,
    *,
    only: Iterable[int],
    budget: TailBudget,
) -> dict[int, SeriesTail]:
    """The recent readings of `only` these series, of each so many that all fit the budget."""
    tails = {
        series: SeriesTail(keep=territory.keep(series), listen=territory.listen(series))
        for series in only
    }
    if not tails:
        return tails
    room = budget.most // 2 // ROW.itemsize // max(len(territory.quantity_of), 1)
    most = min(max(room, _FEWEST), _MOST)
    numbers, together = [*tails], max(_AT_ONCE // most, 1)
    for first in range(0, len(numbers), together):
        some = numbers[first : first + together]
        _fill(connection, {series: tails[series] for series in some}, most)
    _fill_late(connection, territory, tails, watermark)
    ahead_to = feed.ahead(connection)  # last: what was read may be as new as this
    for tail in tails.values():
        tail.ahead_to = ahead_to
    return tails


def _fill(connection: Connection, tails: Mapping[int, SeriesTail], most: int) -> None:
    rows = queries_history.read_newest(
        connection, [(key, tail.keep, most) for key, tail in tails.items()]
    )
    hidden: list[tuple[int, int, int]] = []
    for series, part in queries_history.split_by_series(rows).items():
        kept = int(part["time"][-1]) - tails[series].keep
        since = max(int(part["time"][0]), kept) if len(part) >= most else kept
        tails[series].fill(part, complete_from=since)
        if since > kept:
            hidden.append((series, kept, since))
    for series, until, bounds in queries_history.read_bounds(connection, hidden) if hidden else ():
        low, high, rise, fall = bounds
        tails[series].hidden = Bounds(until=until, low=low, high=high, rise=rise, fall=fall)


def load_standings(
    connection: Connection, pairs: Iterable[Pair], before: Mapping[Pair, int] | None = None
) -> dict[Pair, Standing]:
    """Where each pair stands, from states and alarms; `before`: strictly before a time (µs)."""
    limits = {pair: (before or {}).get(pair) for pair in pairs}
    states = queries.load_open_states(connection, limits)
    recorded = alarms.list_standing(
        connection, {pair: opened(states.get(pair, [])) for pair in limits}
    )
    return {
        pair: Standing(open=states.get(pair, []), alarms=recorded.get(pair, [])) for pair in limits
    }


def opened(states: list[StateChange]) -> int | None:
    """When the inactive state began from which the alarms since are folded."""
    return states[0].time if states and states[0].phase is Phase.INACTIVE else None


def _fill_late(
    connection: Connection,
    territory: Territory,
    tails: Mapping[int, SeriesTail],
    watermark: int,
) -> None:
    """Old rows that arrived lately: conditions on silence need the arrivals."""
    if watermark == NEVER:
        return
    silent = {
        series
        for (rule, _), look_backs in territory.listens.items()
        if territory.rules[rule].silence
        for series in look_backs
        if series in tails
    }
    reaching = [key for key in silent if tails[key].complete_from > NEVER]
    if not reaching:
        return
    spans = [(key, tails[key].complete_from, watermark - tails[key].keep) for key in reaching]
    for series, rows in queries_history.split_by_series(
        queries_history.read_late_arrivals(connection, spans)
    ).items():
        tails[series].overwrite(rows)


def revision_horizon(memory: Memory) -> int:
    """Raw retention less the longest look-back (µs): readings before are not evaluated."""
    if memory.watermark.floor == NEVER:
        return NEVER
    return (
        memory.watermark.floor
        - memory.power_schedule.retention
        + max(memory.territory.longest.values(), default=0)
    )


def earliest(memory: Memory, pair: Pair) -> int:
    """From when on (µs) a pair can be evaluated: NEVER (always), unless its states were pruned."""
    states = memory.standings[pair].open
    return revision_horizon(memory) if states and states[0].reason == FORGOTTEN else NEVER


def prune(connection: Connection, memory: Memory) -> int:
    """Delete rule states before the horizon, in a transaction of its own; how many.

    Each pair keeps its last inactive state, from which open alarms are folded. Imported history is
    kept for good, and so are the states evaluated from it; alarms and transitions always.
    """
    horizon = revision_horizon(memory)
    if horizon <= 0:
        return 0
    with connection.transaction():
        imported = queries_history.list_imported_series(
            connection, memory.watermark.floor - memory.power_schedule.retention
        )
        spared = {
            pair
            for pair, look_backs in memory.territory.listens.items()
            if look_backs.keys() & imported
        }
        gone = queries.prune_states(
            connection, horizon, mark=FORGOTTEN, spared=sorted(spared), shards=memory.shards
        )
    for pair, standing in memory.standings.items():
        first = standing.open[0] if standing.open and pair not in spared else None
        if first is not None and first.phase is Phase.INACTIVE and first.time < horizon:
            standing.open[0] = replace(first, reason=FORGOTTEN)
    return gone
