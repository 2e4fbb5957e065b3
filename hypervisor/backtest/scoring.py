"""Alarms against what really happened: hits, misses, false alarms, and how long before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from hypervisor.backtest.events import Entry
from hypervisor.backtest.model import Found, Judgement

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
    alarm: Found | None
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
    false: tuple[Found, ...]

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


def score(entries: Sequence[Entry], judgement: Judgement, crossings: Sequence[Found]) -> Scored:
    """Hold the alarms against the entries of an events file.

    `crossings`: the alarms of the entries' own conditions. Alarms of maintenance are not about the
    world, and count only where an entry names their rule.
    """
    notes: list[str] = []
    scores: list[Score] = []
    for title, group in _sets(entries):
        pairs = [(one, list(_events(one, judgement, crossings, notes))) for one in group]
        events = [event for _, found in pairs for event in found]
        if not events:
            continue
        scores += _scores(title, group[0], events, judgement)
    return Scored(scores=tuple(scores), notes=tuple(notes))


def _sets(entries: Sequence[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Each entry of crossings by itself; named events that ask for the same together."""
    named: dict[tuple[tuple[str, ...], str | None], list[Entry]] = {}
    for one in entries:
        if one.since is None:
            yield one.name, [one]
        else:
            named.setdefault((one.rules, one.severity), []).append(one)
    for (_, severity), group in named.items():
        yield "named events" if severity is None else f"named events, {severity}", group


def _events(
    entry: Entry, judgement: Judgement, crossings: Sequence[Found], notes: list[str]
) -> Iterator[Event]:
    mine = [crossing for crossing in crossings if crossing.episode.rule == entry.rule_id]
    mine = [one for one in mine if not entry.sites or one.place in entry.sites]
    if entry.since is None:
        found = list(_crossings(entry, mine, judgement))
        if not found:
            notes.append(f"{entry.name}: {entry.condition} never held in what was judged")
        yield from found
        return
    until = entry.until if entry.until is not None else entry.since
    if until < judgement.since or entry.since > judgement.until:
        notes.append(f"{entry.name}: nothing of that time was judged")
        return
    if entry.condition is None:
        yield _event(entry, entry.name, entry.sites, entry.since, until)
        return
    found = list(_within(entry, mine, entry.since, until))
    if not found:
        notes.append(f"{entry.name}: {entry.condition} did not hold then, by what was judged")
    yield from found


def _crossings(entry: Entry, mine: Sequence[Found], judgement: Judgement) -> Iterator[Event]:
    """Each rise above, those with less than `apart` between them taken for one."""
    for place in sorted({one.place or "" for one in mine}):
        began: int | None = None
        ended = 0
        for one in [one for one in mine if (one.place or "") == place]:
            until = judgement.until if one.episode.ended is None else one.episode.ended
            if began is not None and one.episode.began - ended < entry.apart:
                ended = max(ended, until)
                continue
            if began is not None:
                yield _event(entry, place, (place,), began, ended)
            began, ended = one.episode.began, until
        if began is not None:
            yield _event(entry, place, (place,), began, ended)


def _within(entry: Entry, mine: Sequence[Found], since: int, until: int) -> Iterator[Event]:
    """The first crossing at each site in a named event."""
    first: dict[str, int] = {}
    for one in mine:
        over = one.episode.ended is not None and one.episode.ended < since
        if not over and one.episode.began <= until:
            first.setdefault(one.place or "", max(one.episode.began, since))
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
    mine = [one for one in judgement.found if one.episode.rule in rules]
    if len(rules) != 1:
        yield _score(title, None, entry.severity, events, mine)
    for rule in rules:
        own = [one for one in mine if one.episode.rule == rule]
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
    found: Sequence[Found],
) -> Score:
    """An alarm is of every event that it overlaps; of none: it was false."""
    about = [(one, at) for one in found if (at := one.reached(severity)) is not None]
    about = [pair for pair in about if any(_asks_of(event, *pair) for event in events)]
    outcomes: list[Outcome] = []
    told: set[int] = set()
    for event in events:
        if event.nothing:
            continue
        of_it = [(at, n) for n, (one, at) in enumerate(about) if _is_of(one, at, event)]
        told |= {n for _, n in of_it}
        at, number = min(of_it, default=(None, None))
        alarm = None if number is None else about[number][0]
        outcomes.append(Outcome(event=event, alarm=alarm, counted=at))
    false = tuple(one for n, (one, _) in enumerate(about) if n not in told)
    return Score(title=title, rule=rule, outcomes=tuple(outcomes), false=false)


def _asks_of(event: Event, one: Found, at: int) -> bool:
    """Of a site where something happened every alarm is asked for; else those of that time."""
    return _is_of(one, at, event) if event.nothing else event.concerns(one.place)


def _is_of(one: Found, at: int, event: Event) -> bool:
    first = event.crossed if event.nothing else event.crossed - event.lead
    lasting = one.episode.ended is None or one.episode.ended >= first
    return event.concerns(one.place) and at <= event.until and lasting


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
