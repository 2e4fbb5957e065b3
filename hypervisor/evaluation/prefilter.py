"""Whether a rule can be true of each subject at all, from a few statistics.

Most rows change nothing, and this finds them without an evaluation: a calm rule stays calm while
its condition cannot be true for any recent value of its series, nor for any pause between arrivals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

import numpy as np

from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts, is_in_service
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.rule_histories import RuleHistory
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import Mask
from hypervisor.evaluation.value_ranges import (
    IN_WINDOWS,
    Lazy,
    Silences,
    Span,
    Spans,
    can_be,
    lasting_of,
)
from hypervisor.evaluation.word_spans import WordSpans
from rules._inputs import Instants, Steps, Values
from rules._rule import DEVICE, Rule
from rules._tree import Call, Every, Node, Number, walk
from sensors._errors import Place
from sensors._quantity import Reporting
from sensors._row import NEVER

Places = Instants  # of series in SeriesStats; 0 is no series


@dataclass(frozen=True, kw_only=True)
class Latest:
    """Where only the latest readings matter (`near`), up to a time (µs); arrays by subject.

    `words`: what calendar and lighting plan say meanwhile.
    """

    near: Mask
    upto: Instants
    words: Mapping[str, Span] = field(default_factory=dict)

    def held(self, stats: SeriesStats, places: Mapping[str, Places]) -> Mapping[str, Span]:
        """Bounds of the values in force; of a subject that is not near, of all in memory."""
        return Lazy(places, lambda own: self._choose(stats.recent.span(own), stats.span(own)))

    def change(self, stats: SeriesStats, places: Places, alone: Mask, length: int) -> Span:
        """Bounds of a change: between any values in memory, and what the latest readings give."""
        low, high = stats.span(places)
        least, most = low - high, high - low
        exact = self.near & alone
        if not exact.any():
            return least, most
        low, high = stats.recent.change(places, length)
        return (
            np.where(exact, np.fmax(low, least), least),
            np.where(exact, np.fmin(high, most), most),
        )

    def unchanged(self, stats: SeriesStats, places: Places) -> Instants:
        return np.where(self.near, stats.recent.unchanged(places, self.upto), LATER)

    def recorded(self, stats: SeriesStats, places: Places) -> Instants:
        oldest = stats.oldest[places]
        return np.where(oldest == NEVER, LATER, self.upto - np.where(oldest == NEVER, 0, oldest))

    def _choose(self, latest: Span, all_values: Span) -> Span:
        near = self.near.reshape(-1, *([1] * (latest[0].ndim - 1)))
        return np.where(near, latest[0], all_values[0]), np.where(near, latest[1], all_values[1])


@dataclass(kw_only=True)
class Prefilter:
    """The latest revision of a rule at all its subjects; arrays by subject.

    `settled`: no fact that it uses changes after this time (µs); LATER: the prefilter does not
    apply. A series has the place of its latest source: no statistic reaches across a replacement.
    """

    when: Node
    settled: Instants
    named: Mapping[str, Places]  # series -> places
    members: Mapping[str, Places]  # word of a group -> places of the members' series
    present: Mapping[str, Mask]  # word -> which members count
    devices: Places  # of the series of each device; by subject and device
    missing: Mask  # which devices a subject does not have
    limits: Mapping[str, Values]
    alone: Mask  # where only readings of one series make it be evaluated
    silences: Sequence[tuple[str, Number]] = field(default_factory=list)
    usual: Mapping[str, Instants] = field(default_factory=dict)  # series or word -> interval (µs)
    standstills: Sequence[tuple[str, int]] = field(default_factory=list)  # of `stuck`
    modelled: Mapping[str, Mask] = field(default_factory=dict)  # series -> a model is in force
    words: Mapping[str, WordSpans] = field(default_factory=dict)
    windowed: bool = False  # whether it looks at what a series was over a span

    @classmethod
    def of(
        cls, rule: RuleHistory, subjects: Sequence[SubjectFacts], stats: SeriesStats
    ) -> "Prefilter":
        latest = rule.rules[-1]
        silences = _lasting("silent", latest.when)
        of_devices = any(name == DEVICE for name, _ in silences)
        devices, missing = _devices(subjects if of_devices else [], stats)
        return cls(
            when=latest.when,
            settled=np.array([_settled(rule, subject) for subject in subjects], dtype=np.int64),
            named={
                name: np.array([_place(s, name, stats) for s in subjects], dtype=np.int64)
                for name in latest.plain
            },
            members={
                word: _of_members(subjects, word, lambda s, key: _place(s, key, stats))
                for word in latest.shared
            },
            present={word: _of_members(subjects, word, _counts) == 1 for word in latest.shared},
            devices=devices,
            missing=missing,
            limits={
                name: np.array([_latest_limit(subject, name) for subject in subjects])
                for name in latest.thresholds
            },
            silences=silences,
            usual={
                **{
                    name: np.array([_usual(subject, name) for subject in subjects], dtype=np.int64)
                    for name in latest.plain
                },
                **{word: _of_members(subjects, word, _usual) for word in latest.shared},
            },
            standstills=[
                (name, int(length.value))
                for name, length in _lasting("stuck", latest.when)
                if name in latest.plain
            ],
            alone=np.array([_names_one_gauge(latest, s) for s in subjects], dtype=np.bool_),
            modelled={
                name: np.array([_is_modelled(subject, name) for subject in subjects])
                for name in latest.forecasts
            },
            words={word: WordSpans(word, subjects) for word in latest.words},
            windowed=bool(latest.functions & IN_WINDOWS) and bool(latest.plain),
        )

    @classmethod
    def blind(cls, size: int) -> "Prefilter":
        """A prefilter that lets every subject through."""
        empty = np.empty((0, 0, 0), dtype=np.int64)
        return cls(
            when=Every(place=Place(file="", line=0, column=0), conditions=()),
            settled=np.full(size, LATER, dtype=np.int64),
            named={},
            members={},
            present={},
            devices=empty,
            missing=np.empty((0, 0), dtype=np.bool_),
            limits={},
            alone=np.zeros(size, dtype=np.bool_),
        )

    def possible(self, stats: SeriesStats, latest: "Latest | None" = None) -> Mask:
        """Whether the condition can be true for the values in memory, or for the latest alone."""
        return can_be(self.when, self._spans(stats, {}, {}, latest))

    def possible_within_guards(self, stats: SeriesStats) -> Mask:
        """Whether the condition can be true while all values lie within their series' guards."""
        return can_be(self.when, self._guards(stats))

    def cannot_be_true(
        self, stats: SeriesStats, some: Mask, *, near: Mask, since: Instants, upto: Instants
    ) -> tuple[Mask, Instants]:
        """Which of some it cannot be true of from `since` to `upto` (µs), by their latest readings.

        And when, after that, time alone may make it true: LATER if never.
        """
        due = np.full(len(self.settled), LATER, dtype=np.int64)
        words: dict[str, Span] = {}
        for word, spans in self.words.items():
            low, high, ends = spans.between(since, upto, some)
            words[word] = low, high
            due = np.minimum(due, ends)
        for name, length in self.standstills:
            until = stats.recent.unchanged_until(self.named[name], length, upto)
            due = np.minimum(due, until)
        latest = Latest(near=near, upto=upto, words=words)
        quiet = some & ~self.possible(stats, latest)
        rest = some & ~quiet
        if self.windowed and rest.any():
            windows = cache(partial(self._windows, stats, since, rest))
            closer = replace(self._spans(stats, {}, {}, latest), windows=windows)
            quiet |= rest & ~can_be(self.when, closer)
        return quiet, due

    def _windows(
        self, stats: SeriesStats, since: Instants, some: Mask, name: str, length: int
    ) -> tuple[Span, Span]:
        """Bounds of what windows hold from `since` on, of some subjects."""
        return stats.windows(self.named[name], np.where(some, since - length, 0), some)

    def quiet(self, stats: SeriesStats, floor: int) -> tuple[Mask, Instants]:
        """Where it cannot be true by `floor`, and when time alone may make it true."""
        alone = {
            name: _silences_of(places, stats, floor, self.usual[name])
            for name, places in self.named.items()
        }
        shared = {
            word: _silences_of(places, stats, floor, self.usual[word])
            for word, places in self.members.items()
        }
        if self.devices.size:
            alone[DEVICE] = self._device_silences(stats, floor)
        possible = can_be(self.when, self._spans(stats, alone, shared))
        due = np.full(len(self.settled), LATER, dtype=np.int64)
        for name, length in self.silences:
            if name in alone:
                due = np.minimum(due, alone[name].next(length))
            elif name in shared:
                ends = np.where(self.present[name], shared[name].next(length), LATER)
                due = np.minimum(due, ends.min(axis=1, initial=LATER))
        return ~possible, due

    def _guards(self, stats: SeriesStats) -> Spans:
        """Bounds that also hold of readings to come; of sums nothing is known."""
        spans = self._spans(stats, {}, {})
        members = spans.members and replace(
            spans.members,
            series=Lazy(self.members, stats.guarded),
            sums={},
        )
        return replace(
            spans,
            series=Lazy(self.named, stats.guarded),
            sums={},
            members=members,
        )

    def _spans(
        self,
        stats: SeriesStats,
        alone: Mapping[str, Silences],
        shared: Mapping[str, Silences],
        latest: "Latest | None" = None,
    ) -> Spans:
        size = len(self.settled)
        width = next((places.shape[1] for places in self.members.values()), 0)
        members = Spans(
            shape=(size, width),
            series=Lazy(self.members, stats.span),
            sums=Lazy(self.members, stats.sums),
            thresholds={name: values[:, np.newaxis] for name, values in self.limits.items()},
            silences=shared,
            held={} if latest is None else latest.held(stats, self.members),
        )
        spans = Spans(
            shape=(size,),
            series=Lazy(self.named, stats.span),
            sums=Lazy(self.named, stats.sums),
            thresholds=self.limits,
            silences=alone,
            modelled=self.modelled,
            members=members if width else None,
            present=self.present,
        )
        if latest is None:
            return spans
        return replace(
            spans,
            words=latest.words,
            held=latest.held(stats, self.named),
            changes={
                name: partial(latest.change, stats, places, self.alone)
                for name, places in self.named.items()
            },
            unchanged={
                name: latest.unchanged(stats, self.named[name]) for name, _ in self.standstills
            },
            recorded={
                name: partial(latest.recorded, stats, places) for name, places in self.named.items()
            },
        )

    def _device_silences(self, stats: SeriesStats, floor: int) -> Silences:
        """Of each subject the longest pauses of its devices, each by its series that arrived last.

        No pause of a device is longer than the pauses of that series.
        """
        last = stats.arrived[self.devices].argmax(axis=2)
        places = np.take_along_axis(self.devices, last[:, :, np.newaxis], axis=2)[:, :, 0]
        silences = _silences_of(places, stats, floor, np.zeros_like(places))
        paused = np.where(self.missing, 0, silences.paused).max(axis=1, initial=0)
        arrived = np.where(self.missing, LATER, silences.arrived).min(axis=1, initial=LATER)
        return Silences(paused=paused, arrived=arrived, upto=floor, usual=np.zeros_like(paused))


def _silences_of(places: Places, stats: SeriesStats, floor: int, usual: Instants) -> Silences:
    paused, arrived = stats.paused[places], stats.arrived[places]
    return Silences(paused=paused, arrived=arrived, upto=floor, usual=usual)


def _lasting(function: str, when: Node) -> list[tuple[str, Number]]:
    calls = [lasting_of(node) for node in walk(when) if isinstance(node, Call)]
    return [each[1:] for each in calls if each is not None and each[0] == function]


def _usual(subject: SubjectFacts, name: str) -> int:
    """Its shortest interval under any revision."""
    series = subject.series.get(name)
    return 0 if series is None else int(series.interval.value.min())


def _names_one_gauge(rule: Rule, subject: SubjectFacts) -> bool:
    """Whether it is evaluated at the readings of one periodic series, and at no other times."""
    names = rule.plain
    around = (rule.shared, rule.afar, rule.forecasts, rule.words)
    if len(names) != 1 or any(around):
        return False
    series = subject.series.get(next(iter(names)))
    return series is not None and series.reporting is Reporting.PERIODIC


def _place(subject: SubjectFacts, name: str, stats: SeriesStats) -> int:
    series = subject.series.get(name)
    return 0 if series is None else stats.place[series.ids[-1]]


def _latest_limit(subject: SubjectFacts, name: str) -> float:
    return float(subject.thresholds[name].value[-1]) if name in subject.thresholds else np.nan


def _is_modelled(subject: SubjectFacts, name: str) -> bool:
    """Whether its latest model is one."""
    return name in subject.forecasts and subject.forecasts[name].models[-1][1] is not None


def _counts(subject: SubjectFacts, key: str) -> int:
    series = subject.series.get(key)
    return int(series is not None and _in_service(subject, series))


def _in_service(subject: SubjectFacts, series: SeriesFacts) -> bool:
    withdrawn = series.withdrawn is not None and series.withdrawn.value[-1] == 1.0
    return is_in_service(subject.devices[series.device]) and not withdrawn


def _of_members(
    subjects: Sequence[SubjectFacts], word: str, number: Callable[[SubjectFacts, str], int]
) -> Instants:
    """A number of each member behind a word, by subject, padded with 0."""
    rows = [[number(s, key) for key in s.group.get(word, ())] for s in subjects]
    width = max(map(len, rows), default=0)
    return np.array([[*row, *([0] * (width - len(row)))] for row in rows], dtype=np.int64).reshape(
        len(rows), width
    )


def _devices(subjects: Sequence[SubjectFacts], stats: SeriesStats) -> tuple[Places, Mask]:
    """Places of the series of each device in service, by subject and device."""
    places_by_subject: list[list[list[int]]] = []
    for subject in subjects:
        own: dict[str, list[int]] = {
            name: [] for name, device in subject.devices.items() if is_in_service(device)
        }
        for series in subject.series.values():
            if series.device in own:
                own[series.device].append(stats.place[series.ids[-1]])
        places_by_subject.append(list(own.values()))
    deep = max((len(devices) for devices in places_by_subject), default=0)
    wide = max((len(places) for devices in places_by_subject for places in devices), default=0)
    places = np.zeros((len(places_by_subject), deep, wide), dtype=np.int64)
    missing = np.ones((len(places_by_subject), deep), dtype=np.bool_)
    for i, devices in enumerate(places_by_subject):
        for j, series_places in enumerate(devices):
            places[i, j, : len(series_places)] = series_places
            missing[i, j] = False
    return places, missing


def _settled(rule: RuleHistory, subject: SubjectFacts) -> int:
    """After this time (µs) no fact that the rule uses changes; LATER: it does not apply."""
    if len(rule.rules) != len(rule.revisions):
        return LATER
    if any(rule.lacks(version, subject) is not None for version in rule.rules):
        return LATER
    names = {name for version in rule.rules for name in version.plain}
    if names & subject.doubled.keys():
        return LATER
    if any(not _in_service(subject, subject.series[name]) for name in names):
        return LATER
    models = [subject.forecasts[name].models for name in rule.forecasts & subject.forecasts.keys()]
    steps: list[Steps] = list(subject.thresholds.values())
    steps += [device.in_service for device in subject.devices.values()]
    last = max([rule.revisions[-1][0], *(some[-1][0] for some in models)])
    for series in subject.series.values():
        steps += [series.interval, series.stale_after]
        steps += [] if series.withdrawn is None else [series.withdrawn]
        last = max([last, *series.breaks])
    return max([last, *(int(fact.at[-1]) for fact in steps)])
