"""Alarms against what really happened: hits, misses, false alarms, and how long before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from hypervisor.backtest.events import Entry
from hypervisor.backtest.model import Judgement, RaisedAlarm

HAZARD = "hazard"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened at one of `sites` (None: anywhere), from `crossed` to `until`, µs.

    `nothing`: one knows that it did not.
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
    """What was told of an event: the first alarm that is of it, and from when it counted (µs)."""

    event: Event
    alarm: RaisedAlarm | None
    counted: int | None

    @property
    def lead(self) -> int | None:
        """How long before (µs); less than nothing: after."""
        return None if self.counted is None else self.event.crossed - self.counted


@dataclass(frozen=True, kw_only=True)
class Score:
    """One rule, or all together (None), held against the events of one entry, or of all named."""

    title: str
    rule: str | None
    outcomes: tuple[Outcome, ...]
    false: tuple[RaisedAlarm, ...]

    @property
    def hits(self) -> int:
        return sum(outcome.alarm is not None for outcome in self.outcomes)

    @property
    def misses(self) -> int:
        return len(self.outcomes) - self.hits

    @property
    def pod(self) -> float | None:
        """Probability of detection: hits of what happened."""
        return _part(self.hits, self.hits + self.misses)

    @property
    def far(self) -> float | None:
        """False alarm ratio: false alarms of hits and false alarms."""
        return _part(len(self.false), self.hits + len(self.false))

    @property
    def csi(self) -> float | None:
        """Critical success index: hits of all that happened or was told."""
        return _part(self.hits, self.hits + self.misses + len(self.false))

    @property
    def leads(self) -> list[int]:
        return [outcome.lead for outcome in self.outcomes if outcome.lead is not None]

    @property
    def lead(self) -> float | None:
        """The median (µs)."""
        return median(self.leads) if self.leads else None


@dataclass(frozen=True, kw_only=True)
class Scored:
    """All of it; `notes`: what could not be scored, in words."""

    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def score(
    entries: Sequence[Entry], judgement: Judgement, crossings: Sequence[RaisedAlarm]
) -> Scored:
    """Hold the alarms against the entries of an events file.

    `crossings`: the alarms of the entries' own conditions. Alarms of maintenance are not about the
    world, and count only where an entry names their rule.
    """
    notes: list[str] = []
    scores: list[Score] = []
    for title, group in _sets(entries):
        pairs = [(entry, list(_events(entry, judgement, crossings, notes))) for entry in group]
        events = [event for _, events_of_set in pairs for event in events_of_set]
        if not events:
            continue
        scores += _scores(title, group[0], events, judgement)
    return Scored(scores=tuple(scores), notes=tuple(notes))


def _sets(entries: Sequence[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Each entry of crossings by itself; named events that ask for the same together."""
    named: dict[tuple[tuple[str, ...], str | None], list[Entry]] = {}
    for entry in entries:
        if entry.since is None:
            yield entry.name, [entry]
        else:
            named.setdefault((entry.rules, entry.severity), []).append(entry)
    for (_, severity), group in named.items():
        yield "named events" if severity is None else f"named events, {severity}", group


def _events(
    entry: Entry, judgement: Judgement, crossings: Sequence[RaisedAlarm], notes: list[str]
) -> Iterator[Event]:
    mine = [crossing for crossing in crossings if crossing.episode.rule == entry.rule_id]
    mine = [alarm for alarm in mine if not entry.sites or alarm.place in entry.sites]
    if entry.since is None:
        events = list(_crossings(entry, mine, judgement))
        if not events:
            notes.append(f"{entry.name}: {entry.condition} never held in what was judged")
        yield from events
        return
    until = entry.until if entry.until is not None else entry.since
    if until < judgement.since or entry.since > judgement.until:
        notes.append(f"{entry.name}: nothing of that time was judged")
        return
    if entry.condition is None:
        yield _event(entry, entry.name, entry.sites, entry.since, until)
        return
    events = list(_within(entry, mine, entry.since, until))
    if not events:
        notes.append(f"{entry.name}: {entry.condition} did not hold then, by what was judged")
    yield from events


def _crossings(entry: Entry, mine: Sequence[RaisedAlarm], judgement: Judgement) -> Iterator[Event]:
    """Each rise above, those with less than `apart` between them taken for one."""
    for place in sorted({alarm.place or "" for alarm in mine}):
        began: int | None = None
        ended = 0
        for alarm in [alarm for alarm in mine if (alarm.place or "") == place]:
            until = judgement.until if alarm.episode.ended is None else alarm.episode.ended
            if began is not None and alarm.episode.began - ended < entry.apart:
                ended = max(ended, until)
                continue
            if began is not None:
                yield _event(entry, place, (place,), began, ended)
            began, ended = alarm.episode.began, until
        if began is not None:
            yield _event(entry, place, (place,), began, ended)


def _within(entry: Entry, mine: Sequence[RaisedAlarm], since: int, until: int) -> Iterator[Event]:
    """The first crossing at each site in a named event."""
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
    title: str, entry: Entry, events: Sequence[Event], judgement: Judgement
) -> Iterator[Score]:
    concerned = [
        (rule, key)
        for rule, key in judgement.judged
        if any(event.concerns(judgement.places[key]) for event in events)
    ]
    rules = sorted({rule for rule, _ in concerned if _counts(rule, entry, judgement)})
    mine = [alarm for alarm in judgement.alarms if alarm.episode.rule in rules]
    if len(rules) != 1:
        yield _score(title, None, entry.severity, events, mine)
    for rule in rules:
        own = [alarm for alarm in mine if alarm.episode.rule == rule]
        yield _score(title, rule, entry.severity, events, own)


def _counts(rule: str, entry: Entry, judgement: Judgement) -> bool:
    if entry.rules:
        return any(rule == word or rule.startswith(f"{word}-") for word in entry.rules)
    return judgement.categories[rule] == HAZARD


def _score(
    title: str,
    rule: str | None,
    severity: str | None,
    events: Sequence[Event],
    alarms: Sequence[RaisedAlarm],
) -> Score:
    """An alarm is of every event that it overlaps; of none: it was false."""
    about = [(alarm, at) for alarm in alarms if (at := alarm.reached(severity)) is not None]
    about = [pair for pair in about if any(_asks_of(event, *pair) for event in events)]
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


def _asks_of(event: Event, alarm: RaisedAlarm, at: int) -> bool:
    """Of a site where something happened every alarm is asked for; else those of that time."""
    return _is_of(alarm, at, event) if event.nothing else event.concerns(alarm.place)


def _is_of(alarm: RaisedAlarm, at: int, event: Event) -> bool:
    first = event.crossed if event.nothing else event.crossed - event.lead
    lasting = alarm.episode.ended is None or alarm.episode.ended >= first
    return event.concerns(alarm.place) and at <= event.until and lasting


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
