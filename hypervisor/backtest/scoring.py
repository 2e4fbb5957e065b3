"""Alarms compared with events: hits, misses, false alarms, lead time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from hypervisor.alarms.log import Pair
from hypervisor.backtest.events import Entry
from hypervisor.backtest.model import Evaluation, RaisedAlarm, clock

_SHOWN = 4  # in a note


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event at one of `sites` (None: anywhere) from `crossed` to `until`, µs.

    `nothing`: a period without an event.
    """

    name: str
    sites: frozenset[str] | None
    crossed: int
    until: int
    lead: int
    nothing: bool = False

    def concerns(self, place: str | None) -> bool:
        return self.sites is None or place in self.sites


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An event, its first alarm, and from when that counted (µs)."""

    event: Event
    alarm: RaisedAlarm | None
    counted: int | None

    @property
    def lead(self) -> int | None:
        """Time from the alarm to the event (µs); negative: the alarm came later."""
        return None if self.counted is None else self.event.crossed - self.counted


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Events with their alarms; `lead`: the median (µs)."""

    outcomes: tuple[Outcome, ...]

    @property
    def hits(self) -> int:
        return sum(outcome.alarm is not None for outcome in self.outcomes)

    @property
    def misses(self) -> int:
        return len(self.outcomes) - self.hits

    @property
    def leads(self) -> list[int]:
        return [outcome.lead for outcome in self.outcomes if outcome.lead is not None]

    @property
    def lead(self) -> float | None:
        return median(self.leads) if self.leads else None


@dataclass(frozen=True, kw_only=True)
class Score(Outcomes):
    """Score of one rule, or all together (None), for the events of an entry or all named ones."""

    title: str
    rule: str | None
    false: tuple[RaisedAlarm, ...]

    @property
    def pod(self) -> float | None:
        """Probability of detection: hits / events."""
        return _ratio(self.hits, len(self.outcomes))

    @property
    def far(self) -> float | None:
        """False alarm ratio: false alarms / (hits + false alarms)."""
        return _ratio(len(self.false), self.hits + len(self.false))

    @property
    def csi(self) -> float | None:
        """Critical success index: hits / (events + false alarms)."""
        return _ratio(self.hits, len(self.outcomes) + len(self.false))


@dataclass(frozen=True, kw_only=True)
class Scored:
    """All scores; `notes`: what could not be scored."""

    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def score(
    entries: Sequence[Entry], evaluation: Evaluation, crossings: Sequence[RaisedAlarm]
) -> Scored:
    """Compare the alarms with the entries of an events file.

    `crossings`: alarms of the entries' own conditions. Maintenance alarms count only where an
    entry names their rule.
    """
    notes: list[str] = []
    scores: list[Score] = []
    for title, group in _sets(entries):
        events = [
            event for entry in group for event in _events(entry, evaluation, crossings, notes)
        ]
        scores += _scores(title, group[0], events, evaluation)
        notes += _unjudged(group[0], events, evaluation)
    notes += _describe_begun(evaluation)
    return Scored(scores=tuple(scores), notes=tuple(notes))


def _sets(entries: Sequence[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Each entry of crossings alone; named events with the same rules and severity together."""
    named: dict[tuple[tuple[str, ...], str | None], list[Entry]] = {}
    for entry in entries:
        if entry.since is None:
            yield entry.name, [entry]
        else:
            named.setdefault((entry.rules, entry.severity), []).append(entry)
    for (_, severity), group in named.items():
        yield "named events" if severity is None else f"named events, {severity}", group


def _events(
    entry: Entry, evaluation: Evaluation, crossings: Sequence[RaisedAlarm], notes: list[str]
) -> Iterator[Event]:
    mine = [crossing for crossing in crossings if crossing.episode.rule == entry.rule_id]
    mine = [alarm for alarm in mine if not entry.sites or alarm.place in entry.sites]
    if entry.since is None:
        events = list(_crossings(entry, mine, evaluation))
        if not events:
            notes.append(f"{entry.name}: {entry.condition} never held in the period evaluated")
        yield from events
        return
    until = entry.until if entry.until is not None else entry.since
    if until < evaluation.since or entry.since > evaluation.until:
        notes.append(f"{entry.name}: outside the period evaluated")
        return
    if entry.condition is None:
        yield _event(entry, entry.name, entry.sites, entry.since, until)
        return
    events = list(_within(entry, mine, entry.since, until))
    if not events:
        notes.append(f"{entry.name}: {entry.condition} did not hold then, by the readings")
    yield from events


def _crossings(
    entry: Entry, mine: Sequence[RaisedAlarm], evaluation: Evaluation
) -> Iterator[Event]:
    """Crossings; those with less than `apart` between them are one."""
    for place in sorted({alarm.place or "" for alarm in mine}):
        began: int | None = None
        ended = 0
        for alarm in [alarm for alarm in mine if (alarm.place or "") == place]:
            until = evaluation.until if alarm.episode.ended is None else alarm.episode.ended
            if began is not None and alarm.episode.began - ended < entry.apart:
                ended = max(ended, until)
                continue
            if began is not None:
                yield _event(entry, place, (place,), began, ended)
            began, ended = alarm.episode.began, until
        if began is not None:
            yield _event(entry, place, (place,), began, ended)


def _within(entry: Entry, mine: Sequence[RaisedAlarm], since: int, until: int) -> Iterator[Event]:
    """The first crossing at each site during a named event."""
    first: dict[str, int] = {}
    for alarm in mine:
        over = alarm.episode.ended is not None and alarm.episode.ended < since
        if not over and alarm.episode.began <= until:
            first.setdefault(alarm.place or "", max(alarm.episode.began, since))
    for place, crossed in sorted(first.items()):
        yield _event(entry, entry.name, (place,), crossed, until)


def _event(entry: Entry, name: str, sites: Iterable[str], crossed: int, until: int) -> Event:
    return Event(
        name=name,
        sites=frozenset(sites) or None,
        crossed=crossed,
        until=until,
        lead=entry.lead,
        nothing=entry.nothing,
    )


def _scores(
    title: str, entry: Entry, events: Sequence[Event], evaluation: Evaluation
) -> Iterator[Score]:
    rules = sorted(
        {
            rule
            for rule, key in evaluation.evaluated
            if _counts(rule, entry, evaluation)
            and any(event.concerns(evaluation.places[key]) for event in events)
        }
    )
    mine = [alarm for alarm in evaluation.alarms if alarm.episode.rule in rules]
    judged = [event for event in events if _is_judged(event, rules, evaluation)]
    if len(rules) != 1 and judged:
        yield _score(title, None, entry.severity, judged, mine)
    for rule in rules:
        own = [alarm for alarm in mine if alarm.episode.rule == rule]
        judged = [event for event in events if _is_judged(event, [rule], evaluation)]
        if judged:
            yield _score(title, rule, entry.severity, judged, own)


def _is_judged(event: Event, rules: Iterable[str], evaluation: Evaluation) -> bool:
    """Whether one of the rules was in force at one of its sites before it ended."""
    pairs = _pairs(event, rules, evaluation)
    return not pairs or any(evaluation.begun.get(pair, 0) <= event.until for pair in pairs)


def _pairs(event: Event, rules: Iterable[str], evaluation: Evaluation) -> list[Pair]:
    return [
        pair
        for pair in evaluation.evaluated
        if pair[0] in rules and event.concerns(evaluation.places[pair[1]])
    ]


def _unjudged(entry: Entry, events: Iterable[Event], evaluation: Evaluation) -> Iterator[str]:
    """A note for each event that no rule could detect: they were in force only later."""
    rules = {rule for rule, _ in evaluation.evaluated if _counts(rule, entry, evaluation)}
    for event in events:
        if not _is_judged(event, rules, evaluation):
            begun = min(evaluation.begun[pair] for pair in _pairs(event, rules, evaluation))
            yield f"{event.name}: not scored: nothing is evaluated there before {clock(begun)}"


def _describe_begun(evaluation: Evaluation) -> Iterator[str]:
    """A note on what could not be evaluated in all of the period, if there is any."""
    if evaluation.begun:
        begun = sorted(evaluation.begun.items())
        listed = [f"{rule} at {key} {clock(at)}" for (rule, key), at in begun[:_SHOWN]]
        more = f" and {len(begun) - _SHOWN} more" if len(begun) > _SHOWN else ""
        yield (
            "not evaluated before the rule, its thresholds and models were in force, by default"
            f" from the commissioning on: {', '.join(listed)}{more}"
        )


def _counts(rule: str, entry: Entry, evaluation: Evaluation) -> bool:
    if entry.rules:
        return any(rule == word or rule.startswith(f"{word}-") for word in entry.rules)
    return evaluation.categories[rule] == "hazard"


def _score(
    title: str,
    rule: str | None,
    severity: str | None,
    events: Sequence[Event],
    alarms: Sequence[RaisedAlarm],
) -> Score:
    """An alarm belongs to every event that it overlaps; with none, it is false."""
    about = [(alarm, at) for alarm in alarms if (at := alarm.reached(severity)) is not None]
    about = [pair for pair in about if any(_is_scored(event, *pair) for event in events)]
    outcomes: list[Outcome] = []
    matched: set[int] = set()
    for event in events:
        if event.nothing:
            continue
        of_it = [(at, n) for n, (alarm, at) in enumerate(about) if _is_of(alarm, at, event)]
        matched |= {n for _, n in of_it}
        at, number = min(of_it, default=(None, None))
        alarm = None if number is None else about[number][0]
        outcomes.append(Outcome(event=event, alarm=alarm, counted=at))
    false = tuple(alarm for n, (alarm, _) in enumerate(about) if n not in matched)
    return Score(title=title, rule=rule, outcomes=tuple(outcomes), false=false)


def _is_scored(event: Event, alarm: RaisedAlarm, at: int) -> bool:
    """At a site with an event every alarm is scored; else those of the period without event."""
    return _is_of(alarm, at, event) if event.nothing else event.concerns(alarm.place)


def _is_of(alarm: RaisedAlarm, at: int, event: Event) -> bool:
    first = event.crossed if event.nothing else event.crossed - event.lead
    lasting = alarm.episode.ended is None or alarm.episode.ended >= first
    return event.concerns(alarm.place) and at <= event.until and lasting


def _ratio(part: int, total: int) -> float | None:
    return part / total if total else None
