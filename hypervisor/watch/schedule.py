"""When each rule must be judged again, for all its sites at once, in arrays.

New rows make a judgement due at their time; time alone at the time that the engine named. Most
rows change nothing, and are told from the others without a judgement: a rule that stands calm
(inactive, its condition not true) stays so while its condition cannot be true for any value that
its series had lately, and silence cannot have begun while arrivals come close enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hypervisor.instants import text
from hypervisor.store.judgement import Pair
from hypervisor.watch.dials import LATER, Dials
from hypervisor.watch.facts import SiteFacts
from hypervisor.watch.news import News
from hypervisor.watch.possible import Spans, can_be
from hypervisor.watch.rulebook import RuleHistory
from hypervisor.watch.tail import Mask
from rules._inputs import Instants, Steps
from rules._journal import Moment, Phase, Truth
from rules._rule import Rule
from rules._tree import Call, Every, Name, Node, Number


@dataclass(kw_only=True)
class Plan:
    """One rule at all its sites; arrays by site.

    `listens`: places of the series it hears, padded with nobody's. `due`: when to judge next, on
    the rule's axis, LATER without any. `calm`: inactive, and its condition not true. `settled`:
    no fact that it uses has another value after this time.
    """

    rule: RuleHistory
    sites: list[SiteFacts]
    listens: Instants
    due: Instants
    calm: Mask
    settled: Instants
    why: dict[int, str] = field(default_factory=dict)  # of what became due in the past
    _named: dict[str, Instants] = field(default_factory=dict)  # series -> places
    _limits: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        rule: RuleHistory,
        sites: Sequence[SiteFacts],
        listens: Sequence[Sequence[int]],
        dials: Dials,
    ) -> "Plan":
        width = max(map(len, listens))
        padded = [[dials.place[s] for s in one] + [0] * (width - len(one)) for one in listens]
        latest = rule.rules[-1]
        return cls(
            rule=rule,
            sites=list(sites),
            listens=np.array(padded, dtype=np.int64).reshape(len(sites), width),
            due=np.full(len(sites), LATER, dtype=np.int64),
            calm=np.zeros(len(sites), dtype=np.bool_),
            settled=np.array([_settled(rule, site) for site in sites], dtype=np.int64),
            _named={
                name: np.array(
                    [dials.place[site.series[name].id] for site in sites], dtype=np.int64
                )
                for name in latest.names
                if all(name in site.series for site in sites)
            },
            _limits={
                name: np.array([site.thresholds[name].value[-1] for site in sites])
                for name in latest.thresholds
                if all(name in site.thresholds for site in sites)
            },
        )

    @property
    def silence(self) -> bool:
        return self.rule.silence

    def pair(self, number: int) -> Pair:
        return self.rule.id, self.sites[number].key

    def horizons(self, dials: Dials, floor: int) -> Instants:
        """How far each can be judged: as far as we listened; values also to their newest row."""
        if self.silence:
            return np.full(len(self.sites), floor, dtype=np.int64)
        horizons: Instants = np.maximum(dials.newest[self.listens].max(axis=1), floor)
        return horizons

    def take_over(self, before: "Plan") -> None:
        """Go on with what was due, and known to be calm, for the sites that are still there."""
        numbers = {site.key: number for number, site in enumerate(before.sites)}
        for number, site in enumerate(self.sites):
            old = numbers.get(site.key)
            if old is not None:
                self.due[number] = before.due[old]
                self.calm[number] = before.calm[old]
                if old in before.why:
                    self.why[number] = before.why[old]

    def mark(self, news: News, dials: Dials) -> None:
        """Make due what the news may change."""
        since = news.arrived if self.silence else news.first
        first = since[self.listens].min(axis=1)
        touched = first < LATER
        if not touched.any():
            return
        late = news.late[self.listens].any(axis=1)
        quiet = self.calm & ~late & touched
        if self.silence:
            quiet &= self._still_heard(news, dials, first)
        else:
            quiet &= ~self._possible(dials) & (self.settled <= first)
        loud = touched & ~quiet
        self.due[loud] = np.minimum(self.due[loud], first[loud])

    def rest(self, numbers: Instants, dials: Dials, floor: int) -> None:
        """What was judged and cannot become true needs no judgement until its series move."""
        if not self.silence:
            idle = self.calm & ~self._possible(dials) & (self.settled <= floor)
            resting = numbers[idle[numbers]]
            self.due[resting] = LATER

    def bring_forward(self, number: int, time: int, why: str = "") -> None:
        if time < self.due[number]:
            self.due[number] = time
            if why:
                self.why[number] = why

    def _possible(self, dials: Dials) -> Mask:
        """Whether the condition can be true for values that the series had lately."""
        spans = Spans(
            size=len(self.sites),
            series={
                name: (dials.low[places], dials.high[places])
                for name, places in self._named.items()
            },
            sums={
                name: (dials.fall[places], dials.rise[places])
                for name, places in self._named.items()
            },
            thresholds=self._limits,
        )
        return can_be(self.rule.rules[-1].when, spans)

    def _still_heard(self, news: News, dials: Dials, first: Instants) -> Mask:
        """Silence had not begun when the first arrival came, nor was any pause long enough.

        Then it cannot begin before the last arrival plus its length: judged no sooner.
        """
        found = _required_silence(self.rule.rules[-1].when)
        if found is None or found[0] not in self._named:
            return np.zeros(len(self.sites), dtype=np.bool_)
        places, length = self._named[found[0]], found[1]
        heard: Mask = (
            (news.first[places] < LATER)
            & (first < self.due)
            & (first >= news.heard_before[self.listens].max(axis=1))
            & (news.longest[places] < length)
            & (self.settled <= first)
        )
        self.due[heard] = np.maximum(self.due, dials.arrived[places] + length)[heard]
        return heard


def is_calm(journal: Sequence[Moment]) -> bool:
    """Inactive, and not about to be anything else."""
    return (
        bool(journal) and journal[-1].phase is Phase.INACTIVE and journal[-1].when is not Truth.TRUE
    )


def explain(plan: Plan, number: int, news: News, names: Mapping[int, str]) -> str:
    """Why a judgement of the past is made again; empty where its rows only go on.

    `names`: of the quantities, by place.
    """
    said: list[tuple[int, str]] = []
    for place in plan.listens[number].tolist():
        fresh = news.fresh.get(place)
        if fresh is None:
            continue
        name = names.get(place, "?")
        if fresh.doubted:
            said.append((min(fresh.doubted), f"correction of {name} at {text(min(fresh.doubted))}"))
        elif plan.silence and fresh.arrived is not None:
            arrived = f"reading of {name} that had arrived at {text(fresh.arrived)}"
            said.append((fresh.arrived, f"{arrived} was committed later"))
        elif fresh.first is not None and fresh.first <= fresh.newest_before:
            said.append((fresh.first, f"late reading of {name} at {text(fresh.first)}"))
    return min(said, default=(0, ""))[1]


def _settled(rule: RuleHistory, site: SiteFacts) -> int:
    """After this time no fact of the rule at this site changes; LATER: it must not be guessed."""
    if len(rule.rules) != len(rule.revisions) or any(_lacking(one, site) for one in rule.rules):
        return LATER
    steps: list[Steps] = list(site.thresholds.values())
    steps += [device.in_service for device in site.devices.values()]
    for series in site.series.values():
        steps += [series.interval, series.stale_after]
    if any(device.in_service.value[-1] != 1.0 for device in site.devices.values()):
        return LATER
    return max([rule.revisions[-1][0], *(int(one.at[-1]) for one in steps)])


def _lacking(rule: Rule, site: SiteFacts) -> bool:
    return any(name not in site.series for name in rule.names) or any(
        name not in site.thresholds for name in rule.thresholds
    )


def _required_silence(when: Node) -> tuple[str, int] | None:
    """The series and length (µs) of a silence without which the condition cannot be true."""
    parts = when.conditions if isinstance(when, Every) else (when,)
    for part in parts:
        if isinstance(part, Call) and part.function == "silent":
            subject, length = part.arguments
            if isinstance(subject, Name) and isinstance(length, Number):
                return subject.name, int(length.value)
    return None
