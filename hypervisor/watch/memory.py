"""What the watch holds in memory.

All of it can be built again from the database, and is, at start and after any error: nothing here
is worth keeping from a step that failed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hypervisor.store import alarms, feed, history, judgement, registry
from hypervisor.store.alarms import Alarm
from hypervisor.store.connect import Connection
from hypervisor.store.judgement import Pair, State
from hypervisor.watch import facts, rulebook
from hypervisor.watch.dials import Dials
from hypervisor.watch.facts import SiteFacts
from hypervisor.watch.heard import Ears
from hypervisor.watch.rulebook import Revisions, RuleHistory
from hypervisor.watch.schedule import Plan
from hypervisor.watch.tail import SeriesTail
from rules._engine import lookback
from rules._inputs import SeriesColumns, Subject
from rules._journal import Moment, Phase
from sensors._domain import Catalogue
from sensors._row import NEVER, Rows

_HOUR = 3_600_000_000
_SPARE = 3 * _HOUR  # readings kept beyond the longest look-back: a trend, a little lateness
_MOST = 5_000  # rows of one series read at start


@dataclass(kw_only=True, slots=True)
class Standing:
    """Where a rule stands at a site.

    `open`: the journal from its last inactive moment on. `alarms`: those recorded since then.
    """

    open: list[Moment] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(kw_only=True)
class Territory:
    """What the registry says, arranged for judging."""

    sites: Mapping[str, SiteFacts]
    rules: Mapping[str, RuleHistory]
    revisions: Mapping[Pair, Revisions]  # every rule that applies somewhere, and how
    reach: Mapping[Pair, int]  # µs that judging looks back
    listens: Mapping[Pair, tuple[int, ...]]  # the series whose rows may change it
    longest: Mapping[int, int]  # series -> the longest reach of those that listen to it
    quantity_of: Mapping[int, str]  # series -> its quantity's name
    unfit: Mapping[Pair, str]  # rules that do not apply for a reason worth saying

    @classmethod
    def empty(cls) -> "Territory":
        """Before the registry was read."""
        return cls(
            sites={},
            rules={},
            revisions={},
            reach={},
            listens={},
            longest={},
            quantity_of={},
            unfit={},
        )

    def keep(self, series: int) -> int:
        """How long (µs) the rows of a series stay in memory."""
        return self.longest.get(series, 0) + _SPARE


@dataclass(kw_only=True)
class Memory:
    """Everything; `state` is what the last commit wrote."""

    state: State
    territory: Territory
    tails: dict[int, SeriesTail]
    dials: Dials
    plans: dict[str, Plan]
    standings: dict[Pair, Standing]
    ears: Ears
    deaf: tuple[tuple[int, int], ...]


def survey(connection: Connection, catalogue: Catalogue) -> Territory:
    """Read the registry and work out which rule applies where."""
    known = registry.load(connection)
    sites = facts.sites(known, catalogue)
    rules = rulebook.histories(known)
    revisions: dict[Pair, Revisions] = {}
    reach: dict[Pair, int] = {}
    listens: dict[Pair, tuple[int, ...]] = {}
    longest: dict[int, int] = {}
    looked_back: dict[tuple[object, ...], int] = {}  # of sites that are alike
    unfit: dict[Pair, str] = {}
    for site in sites.values():
        for rule in rules.values():
            pair = (rule.id, site.key)
            found = rule.for_site(site)
            fitting = [one for _, one in found if one is not None]
            if not fitting:
                unfit |= _unfit(rule, site)
                continue
            revisions[pair] = found
            names = sorted(rulebook.listens_to(rule, fitting, site))
            listens[pair] = tuple(site.series[name].id for name in names)
            alike = (rule.id, len(fitting), *(site.series[name].longest for name in names))
            if alike not in looked_back:
                looked_back[alike] = lookback(fitting, _hollow(site, names))
            reach[pair] = max(looked_back[alike], _HOUR)  # an hour, for the trend
            for series in listens[pair]:
                longest[series] = max(reach[pair], longest.get(series, 0))
    return Territory(
        sites=sites,
        rules=rules,
        revisions=revisions,
        reach=reach,
        listens=listens,
        longest=longest,
        quantity_of={
            series.id: name for site in sites.values() for name, series in site.series.items()
        },
        unfit=unfit,
    )


def fill(
    connection: Connection, territory: Territory, heard_to: int, *, only: Iterable[int]
) -> dict[int, SeriesTail]:
    """The recent readings of these series."""
    tails = {series: SeriesTail(keep=territory.keep(series)) for series in only}
    if not tails:
        return tails
    rows = history.newest(connection, [(key, tail.keep, _MOST) for key, tail in tails.items()])
    for series, part in history.by_series(rows).items():
        tails[series].fill(part, complete_from=_complete_from(part, tails[series].keep))
    _fill_late(connection, territory, tails, heard_to)
    ahead_to = feed.ahead(connection)  # asked last: what was read may be as new as this
    for tail in tails.values():
        tail.ahead_to = ahead_to
    return tails


def remembered(
    connection: Connection, pairs: Iterable[Pair], before: Mapping[Pair, int] | None = None
) -> dict[Pair, Standing]:
    """Where each pair stood, from the journal and the alarms; at a past time where given."""
    limits = {pair: (before or {}).get(pair) for pair in pairs}
    journal = judgement.open_journal(connection, limits)
    recorded = alarms.standing(connection, {pair: opened(journal.get(pair, [])) for pair in limits})
    return {
        pair: Standing(open=journal.get(pair, []), alarms=recorded.get(pair, [])) for pair in limits
    }


def opened(journal: list[Moment]) -> int | None:
    """The inactive moment that a stretch of journal begins with: alarms since then fold from it."""
    return journal[0].time if journal and journal[0].phase is Phase.INACTIVE else None


def _unfit(rule: RuleHistory, site: SiteFacts) -> dict[Pair, str]:
    """Worth saying only where something stands in the way, not where a rule has no subject."""
    if site.doubled and rule.rules:
        reason = rulebook.lacks(rule.rules[-1], site)
        if reason and reason.startswith("two devices"):
            return {(rule.id, site.key): reason}
    return {}


def _hollow(site: SiteFacts, names: Collection[str]) -> Subject:
    """The site without its readings."""
    nothing = np.empty(0, dtype=np.int64)
    return Subject(
        key=site.key,
        series={
            name: SeriesColumns(
                time=nothing,
                value=nothing.astype(np.float64),
                quality=nothing.astype(np.int16),
                received_at=nothing,
                device=series.device,
                kind=series.quantity.kind,
                reporting=series.reporting,
                nonnegative=series.quantity.nonnegative,
                interval=series.interval,
                stale_after=series.stale_after,
            )
            for name, series in site.series.items()
            if name in names
        },
        devices=site.devices,
        thresholds=site.thresholds,
    )


def _complete_from(rows: Rows, keep: int) -> int:
    if len(rows) >= _MOST:
        return int(rows["time"][0])
    return int(rows["time"][-1]) - keep


def _fill_late(
    connection: Connection,
    territory: Territory,
    tails: Mapping[int, SeriesTail],
    heard_to: int,
) -> None:
    """Rows that are old but arrived lately: silence asks when a device last spoke."""
    if heard_to == NEVER:
        return
    silent = {
        series
        for (rule, site), series_ids in territory.listens.items()
        if territory.rules[rule].silence
        for series in series_ids
        if series in tails
    }
    reaching = [key for key in silent if tails[key].complete_from > NEVER]
    if not reaching:
        return
    latest = max(tails[key].complete_from for key in reaching)
    since = heard_to - max(tails[key].keep for key in reaching)
    late = history.by_series(history.arrived_late(connection, latest, since))
    for series in late.keys() & set(reaching):
        rows = late[series]
        tails[series].stands(rows[rows["time"] < tails[series].complete_from])
