"""A slow, obvious model of the alarm log: one subject, instant by instant, from its meaning.

Shares with the engine only the trees that rules are read into.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rules._forecast import Issued, chance_above, value_at
from rules._forecast_parts import crossing
from rules._inputs import Closing, Device, Horizon, SeriesColumns, Subject, Values
from rules._rule import Rule, Step, ahead_of
from rules._rule_state import Episode
from rules._tree import (
    Arithmetic,
    Call,
    Comparison,
    Every,
    Name,
    Negation,
    Node,
    Number,
    Scaled,
    Some,
    Threshold,
    Word,
    walk,
)
from sensors._quantity import Kind
from sensors._row import NEVER
from tests.unit.rules.reference_around import Said, arriving
from tests.unit.rules.reference_series import INF, Reading, Series, steps_at
from tests.unit.rules.reference_usual import median, same_hours

EVERYTHING = (-INF, INF)
HOUR = 3_600_000_000
WEEK = 168 * HOUR
LATE = 2**62
FALSE, UNKNOWN, TRUE, OUT = range(4)

Interval = tuple[float, float]


@dataclass
class Look:
    """Where one stands: an instant, and which series are taken as unknown."""

    t: int
    masked: frozenset[str] = frozenset()
    member: int | None = None
    site: str | None = None  # "<mill<600000000": upstream, and how far ahead


@dataclass
class Caller:
    """What `silent` listens for; `serving`: whose service counts, None for a series."""

    arrivals: list[int]
    commissioned: int
    device: Device
    serving: Device | None
    series: Series | None = None

    def span(self, length: Number, since: int) -> int:
        """How long a silence that began then lasts, by the interval in force at that time."""
        if length.unit != "intervals":
            return int(length.value)
        assert self.series is not None
        return int(length.value * self.series.interval(since))


@dataclass
class Latch:
    on: bool = False
    run: int | None = None


@dataclass
class State:
    active: bool = False
    since: int | None = None
    began: int | None = None
    run: int | None = None
    end_run: int | None = None
    steps: list[Latch] = field(default_factory=list)
    barred: bool = False
    severity: list[tuple[int, str]] = field(default_factory=list)


class Reference:
    """The log of one rule without revisions over one subject, on the axis of values or silence."""

    def __init__(
        self, rule: Rule, subject: Subject, horizon: Horizon, closings: Sequence[Closing] = ()
    ) -> None:
        self.rule = rule
        self.closed = {closing.at: closing.reason for closing in closings}
        self.subject = subject
        self.silence = rule.axis == "silence"
        self.until = horizon.silence if self.silence else horizon.values
        self.gaps = horizon.gaps
        self.series = {
            name: Series(column, sorted(self.signs(column)))
            for name, column in subject.series.items()
        }
        keys = [key for name in rule.names for key in subject.group.get(name, (name,))]
        self.afar: dict[str, Subject] = {}
        for ahead in {ahead_of(call) for call in rule.upstreams}:
            asked = {
                node.name
                for call in rule.upstreams
                if ahead_of(call) == ahead  # what is asked so far ahead, and nothing else
                for node in walk(call.arguments[0])
                if isinstance(node, Name)
            }
            for upstream in subject.upstream:
                moved = arriving(upstream, ahead)
                self.afar[f"<{upstream.site}<{ahead}"] = moved
                for name, column in moved.series.items():
                    key = f"{name}<{upstream.site}<{ahead}"
                    self.series[key] = Series(column, [])
                    keys += [key] if name in asked else []
        self.named = [key for key in keys if key in self.series]
        self.said = Said(subject, self.first())

    def first(self) -> int:
        """From when on the calendar is asked."""
        rows = [reading.time for key in self.named for reading in self.series[key].good[:1]]
        told = [d.commissioned for d in self.subject.devices.values()] if self.silence else []
        return min([*rows, *told], default=LATE)

    def home(self, key: str) -> Mapping[str, Device]:
        _, less, site = key.partition("<")
        return self.afar[less + site].devices if less else self.subject.devices

    # --- devices

    def signs(self, column: SeriesColumns) -> Iterator[tuple[int, int]]:
        """Every row, of any series, of the device that measured this one at the time."""
        for other in self.subject.series.values():
            for t, r in zip(other.time.tolist(), other.received_at.tolist(), strict=True):
                if charged(other, t) == charged(column, t):
                    yield t, r

    def out(self, key: str, t: int) -> bool:
        columns = self.series[key].columns
        if steps_at(columns.withdrawn, t) == 1:
            return True
        name = charged(columns, t)
        serves = steps_at(self.home(key)[name].in_service, t)
        first = columns.earlier[0][0] if columns.earlier else name
        return serves == 0 or (name != first and math.isnan(serves))

    def service_changes(self, key: str) -> list[int]:
        columns = self.series[key].columns
        found = {until for _, until in columns.earlier}
        for name in (columns.device, *(name for name, _ in columns.earlier)):
            at = self.home(key)[name].in_service.at.tolist()
            found |= {t for t in at if charged(columns, t) == name}
        if not columns.earlier and columns.withdrawn is None:
            return sorted(found) if any(self.out(key, t) for t in found) else []
        found |= set(columns.withdrawn.at.tolist() if columns.withdrawn else ())
        return [t for t in sorted(found) if self.out(key, t) != self.out(key, t - 1)]

    # --- values

    def key(self, name: str, look: Look) -> str:
        if look.site is not None:
            return name + look.site
        members = self.subject.group.get(name)
        return name if members is None or look.member is None else members[look.member]

    def value(self, node: Node, look: Look) -> Interval:  # noqa: C901, PLR0911  a line a node
        match node:
            case Number():
                return node.value, node.value
            case Threshold():
                home = self.subject if look.site is None else self.afar[look.site]
                v = steps_at(home.thresholds.get(node.name), look.t)
                return EVERYTHING if math.isnan(v) else (v, v)
            case Name():
                key = self.key(node.name, look)
                return EVERYTHING if key in look.masked else self.held(key, look.t)
            case Scaled():
                lo, hi = self.value(node.operand, look)
                return lo * node.scale + node.offset, hi * node.scale + node.offset
            case Arithmetic():
                return arithmetic(
                    node.operator, self.value(node.left, look), self.value(node.right, look)
                )
            case Word():
                said = self.said.at(node.name, look.t)
                return EVERYTHING if math.isnan(said) else (said, said)
            case Call(function="share"):
                return self.share(node, look)
            case Call(function="total"):
                return self.total(node, look)
            case Call(function="forecast" | "chance"):
                return self.forecast(node, look)
            case Call(function="upstream"):
                found = [self.value(node.arguments[0], site) for site in self.sites(node, look)]
                if not found:
                    return EVERYTHING
                return max(lo for lo, _ in found), max(hi for _, hi in found)
            case Call():
                return self.call(node, look)
        raise AssertionError(node)

    def arrived(self, key: str, t: int) -> list[Reading]:
        good = self.series[key].good
        return [r for r in good if r.received <= t] if self.silence else good

    def held(self, key: str, t: int) -> Interval:
        if self.silence:
            since = self.series[key].broke(t)
            before = [r for r in self.arrived(key, t) if since <= r.time <= t]
            return (
                (before[-1].lo, before[-1].hi) if before and self.fresh(key, t, t) else EVERYTHING
            )
        reading = self.series[key].at(t)
        known = self.series[key].known(t) and reading is not None
        return (reading.lo, reading.hi) if known and reading else EVERYTHING

    def fresh(self, key: str, t: int, by: int) -> bool:
        """Whether the series, or its device, had been heard lately at t, by what had come."""
        series = self.series[key]
        since = series.broke(t)
        signs = [s for s, got in series.signs_got if got <= by and since <= s <= t]
        return bool(signs) and t - signs[-1] <= series.limit(signs[-1])

    def call(self, node: Call, look: Look) -> Interval:
        name, *numbers = node.arguments
        assert isinstance(name, Name)
        key, t = self.key(name.name, look), look.t
        sizes = [n.value for n in numbers if isinstance(n, Number)]
        since = self.series[key].broke(t)
        had = [r for r in self.arrived(key, t) if self.silence or r.time <= t]
        had = [r for r in had if r.time >= since]
        if node.function == "last":
            return (had[-1].lo, had[-1].hi) if had else EVERYTHING
        w = int(sizes[-1])
        if node.function == "last_change":
            since = self.series[key].broke(had[-1].time) if had else since
            base = [r for r in had if since <= r.time <= had[-1].time - w] if had else []
            return minus(had[-1], base[-1]) if base else EVERYTHING
        if key in look.masked:
            return EVERYTHING
        if node.function == "change":
            return self.change(key, t, w, had)
        if node.function == "usual":
            return self.usual(key, t, w // WEEK)
        return self.window(node.function, key, t, w, sizes[0])

    def usual(self, key: str, t: int, weeks: int) -> Interval:
        """The median of an hour in the weeks before the reading that holds."""
        series, calendar = self.series[key], self.subject.calendar
        reading = series.at(t) if series.known(t) else None
        if reading is None or calendar is None:
            return EVERYTHING
        kinds = {Kind.INCREMENT: "sum", Kind.COUNTER: "increase"}
        hours = []
        for end in same_hours(calendar.zone, reading.time, weeks):
            inside = [r for r in series.good if end - HOUR < r.time <= end]
            covered = series.covered(end - HOUR, end) and (not series.gauge or bool(inside))
            if covered and series.broke(reading.time) <= end - HOUR:
                function = kinds.get(series.columns.kind, "mean")
                lo, hi = self.window(function, key, end, HOUR, 0)
                hours += [(lo, hi)] if lo > -INF else []
        if len(hours) < 2 or 2 * len(hours) < weeks:
            return EVERYTHING
        return median([lo for lo, _ in hours]), median([hi for _, hi in hours])

    def forecast(self, node: Call, look: Look) -> Interval:
        """Issued by itself at the last good reading, on nothing that came after that."""
        what, span = node.arguments
        name = what.left if isinstance(what, Comparison) else what
        assert isinstance(name, Name)
        assert isinstance(span, Number)
        reading = self.series[name.name].at(look.t)
        forecasts = self.subject.forecasts.get(name.name)
        known = self.series[name.name].known(look.t) and name.name not in look.masked
        if forecasts is None or reading is None or not known:
            return EVERYTHING
        models = [model for at, model in forecasts.revisions if at <= reading.time]
        if not models or models[-1] is None:
            return EVERYTHING
        own = {models[-1].inputs[0]: self.series[name.name].columns}
        columns = {**forecasts.inputs, **own}
        had = {key: until(column, reading.time) for key, column in columns.items()}
        issued = models[-1].issue(had, np.array([reading.time]))
        if not isinstance(what, Comparison):
            (value,) = value_at(issued, int(span.value)).tolist()
            return EVERYTHING if math.isnan(value) or reading.hi == INF else (value, value)
        lo, hi = rounded(self.value(what.right, look))
        above = what.operator.startswith(">")
        if lo != hi:
            return EVERYTHING
        if reading.hi == INF:
            return (1.0, 1.0) if above and reading.lo > lo else EVERYTHING
        (chance,) = (
            chance_above(issued, lo, int(span.value))
            if above
            else chance_below(issued, lo, int(span.value))
        ).tolist()
        return EVERYTHING if math.isnan(chance) else (chance, chance)

    def change(self, key: str, t: int, w: int, had: list[Reading]) -> Interval:
        series = self.series[key]
        now = self.held(key, t)
        base = [r for r in had if r.time <= t - w]
        if now == EVERYTHING or not base:
            return EVERYTHING
        if series.gauge:
            near = base[-1].time >= t - w - series.interval(t)
        else:
            near = self.fresh(key, t - w, t) if self.silence else series.known(t - w)
            near = near and series.broke(t) <= t - w
        if not near:
            return EVERYTHING
        return now[0] - base[-1].hi, now[1] - base[-1].lo

    def window(  # noqa: C901, PLR0911  one arm a function
        self, function: str, key: str, t: int, w: int, fraction: float
    ) -> Interval:
        series = self.series[key]
        closed = function == "rate"
        inside = [
            r
            for r in series.good
            if series.broke(t) <= r.time <= t and (r.time > t - w or (closed and r.time == t - w))
        ]
        covered = series.covered(t - w, t) and (not series.gauge or bool(inside))
        held: list[Reading] = []
        unbroken = series.broke(t) <= t - w
        if unbroken and not series.gauge and not series.amount and series.known(t - w):
            first = series.at(t - w)
            held = [first] if first is not None and first not in inside else []
        everything = held + inside
        match function:
            case "count":
                return len(inside), len(inside) if covered else INF
            case "sum":
                lo = sum(r.lo for r in inside)
                hi = sum(r.hi for r in inside)
                if covered:
                    return lo, hi
                return (lo, INF) if series.nonnegative else EVERYTHING
            case "max":
                lo = max((r.lo for r in everything), default=-INF)
                hi = max((r.hi for r in everything), default=INF)
                return lo, hi if covered else INF
            case "min":
                lo = min((r.lo for r in everything), default=-INF)
                hi = min((r.hi for r in everything), default=INF)
                return lo if covered else -INF, hi
            case "increase":
                return self.increase(series, t, w, inside, covered=covered)
        if not covered or not everything:
            return EVERYTHING
        match function:
            case "mean":
                n = len(everything)
                return sum(r.lo for r in everything) / n, sum(r.hi for r in everything) / n
            case "quantile":
                return (
                    rank([r.lo for r in everything], fraction),
                    rank([r.hi for r in everything], fraction),
                )
            case "rate":
                return slope(inside)
        raise AssertionError(function)

    def increase(
        self, series: Series, t: int, w: int, inside: list[Reading], *, covered: bool
    ) -> Interval:
        base = series.at(t - w)
        base = base if series.broke(t) <= t - w else None
        chain = list(inside)
        if inside and base and inside[0].time - base.time <= series.limit(base.time):
            chain.insert(0, base)
        gained = 0.0
        for one, two in itertools.pairwise(chain):
            gained += two.lo - one.lo if two.lo >= one.lo else max(two.lo, 0.0)
        if covered:
            return gained, INF if any(r.hi == INF for r in inside) else gained
        return (gained, INF) if series.nonnegative else EVERYTHING

    def share(self, node: Call, look: Look) -> Interval:
        (condition,) = node.arguments
        words = [n.name for n in walk(condition) if isinstance(n, Name)]
        group = self.subject.group
        size = max(len(keys) for keys in group.values())
        members = [
            i
            for i in range(size)
            if all(
                word not in group or (i < len(group[word]) and group[word][i] in self.series)
                for word in words
            )
        ]
        found = [self.truth(condition, Look(look.t, look.masked, i)) for i in members]
        found = [truth for truth in found if truth != OUT]
        if not found:
            return EVERYTHING
        n, true, unknown = len(found), found.count(TRUE), found.count(UNKNOWN)
        return true / n, (true + unknown) / n

    def total(self, node: Call, look: Look) -> Interval:
        (inner,) = node.arguments
        words = [n.name for n in walk(inner) if isinstance(n, Name)]
        group = self.subject.group
        lo = hi = 0.0
        some = False
        for i in range(max(len(keys) for keys in group.values())):
            own = Look(look.t, look.masked, i)
            keys = [self.key(w, own) for w in words if w not in group or i < len(group[w])]
            if len(keys) < len(words) or any(
                k not in self.series or self.out(k, look.t) for k in keys
            ):
                continue
            low, high = self.value(inner, own)
            if isinstance(inner, Name) or (isinstance(inner, Call) and inner.function != "change"):
                low = max(low, 0.0) if self.series[keys[0]].nonnegative else low
            some, lo, hi = True, lo + round(low, 9), hi + round(high, 9)
        return (lo, hi) if some else EVERYTHING

    def sites(self, node: Call, look: Look) -> list[Look]:
        """The sites upstream that have a say; one that knows nothing when there is none."""
        words = {n.name for n in walk(node.arguments[0]) if isinstance(n, Name)}
        found = []
        for where in self.afar:
            keys = [word + where for word in words]
            whole = all(key in self.series for key in keys)
            if not (where.endswith(f"<{ahead_of(node)}") and whole):
                continue
            if not any(self.out(key, look.t) for key in keys):
                found.append(Look(look.t, look.masked, site=where))
        return found

    def stuck(self, node: Call, look: Look) -> int:
        name, d = node.arguments
        assert isinstance(name, Name)
        assert isinstance(d, Number)
        key, begins = self.key(name.name, look), look.t - int(d.value)
        series = self.series[key]
        if key in look.masked:
            return UNKNOWN
        inside = [r for r in series.good if series.broke(look.t) <= r.time <= look.t]
        inside = [r for r in inside if r.time > begins]
        base = series.at(begins) if series.known(begins) else None
        base = base if series.broke(look.t) <= begins else None
        every = inside + ([base] if base else [])
        if every and min(r.hi for r in every) < max(r.lo for r in every):
            return FALSE
        covered = series.covered(begins, look.t) and (not series.gauge or bool(inside))
        full = any(r.hi == INF for r in every)
        return TRUE if covered and base and len(inside) >= 2 and not full else UNKNOWN

    # --- truth

    def truth(self, node: Node, look: Look) -> int:  # noqa: PLR0911  a line a node
        match node:
            case Every():
                return min(self.truth(c, look) for c in node.conditions)
            case Some():
                found = [self.truth(c, look) for c in node.conditions]
                return max((f for f in found if f != OUT), default=OUT)
            case Negation():
                inner = self.truth(node.condition, look)
                return OUT if inner == OUT else TRUE - inner
        if isinstance(node, Call) and node.function == "upstream":
            told = [self.truth(node.arguments[0], site) for site in self.sites(node, look)]
            return max((truth for truth in told if truth != OUT), default=UNKNOWN)
        names = [n.name for n in own(node) if n.name != "device"]
        if any(self.out(self.key(name, look), look.t) for name in names):
            return OUT
        match node:
            case Call(function="silent"):
                return self.silent(node, look)
            case Call(function="stuck"):
                return self.stuck(node, look)
            case Comparison():
                return compare(
                    node.operator,
                    rounded(self.value(node.left, look)),
                    rounded(self.value(node.right, look)),
                )
        raise AssertionError(node)

    # --- silence

    def heard(self, t: int, device: Device) -> int:
        """How long until t we listened and it had a supply: counted between all edges before."""
        edges = {e for span in self.gaps for e in span} | {0, t}
        edges |= set(device.fed.at.tolist() if device.fed else ())
        ordered = sorted(e for e in edges if e <= t)
        return sum(
            b - a
            for a, b in itertools.pairwise(ordered)
            if not any(x <= a < y for x, y in self.gaps) and steps_at(device.fed, a) != 0
        )

    def complete(self, t: int, d: int, device: Device) -> int:
        """The first instant at which we have listened for d since t; long after all if never."""
        wanted = self.heard(t, device) + d
        edges = {e for span in self.gaps for e in span}
        edges |= set(device.fed.at.tolist() if device.fed else ())
        now = t + d
        while self.heard(now, device) < wanted:
            if device.fed and now > max(edges) and device.fed.value[-1] == 0:
                return LATE
            now += wanted - self.heard(now, device)
        return now

    def callers(self, node: Call, look: Look) -> Iterator[Caller]:
        name = node.arguments[0]
        assert isinstance(name, Name)
        devices = self.subject.devices
        if name.name == "device":
            for device, facts in devices.items():
                got = [
                    r
                    for c in self.subject.series.values()
                    for t, r in zip(c.time.tolist(), c.received_at.tolist(), strict=True)
                    if charged(c, t) == device and r != NEVER
                ]
                yield Caller(sorted(got), facts.commissioned, facts, facts)
            return
        series = self.series[self.key(name.name, look)]
        got = [r.received for r in series.good if r.received != NEVER]
        charge = [name for name, _ in series.columns.earlier] + [series.columns.device]
        for successor, (_, until) in zip(charge[1:], series.columns.earlier, strict=True):
            got.append(max(devices[successor].commissioned, until))
        first, last = devices[charge[0]].commissioned, devices[charge[-1]]
        yield Caller(sorted(got), first, last, None, series)

    def silent(self, node: Call, look: Look) -> int:
        d = node.arguments[1]
        assert isinstance(d, Number)
        callers = [
            caller
            for caller in self.callers(node, look)
            if caller.serving is None or steps_at(caller.serving.in_service, look.t) != 0
        ]
        for caller in callers:
            before = [a for a in caller.arrivals if a <= look.t]
            since = before[-1] if before else caller.commissioned
            if look.t >= self.complete(since, caller.span(d, since), caller.device):
                return TRUE
        return FALSE if callers else OUT

    # --- instants

    def instants(self) -> set[int]:  # noqa: C901, PLR0912  as one reads it
        found: set[int] = set()
        for threshold in (*self.rule.thresholds, *self.rule.optional_thresholds):
            steps = self.subject.thresholds.get(threshold)
            found.update(steps.at.tolist() if steps else ())
        for forecasts in self.subject.forecasts.values() if self.rule.forecasts else ():
            before = None
            for at, model in forecasts.revisions:
                # A model that replaces another changes nothing before the next reading.
                if (model is None) != (before is None):
                    found.add(at)
                before = model
        for threshold in self.rule.afar_thresholds:
            for site in self.afar.values():
                if threshold in site.thresholds:
                    found.update(site.thresholds[threshold].at.tolist())
        nodes = [n for c in self.rule.conditions for n in walk(c)]
        found.update(self.said.turns(self.rule.words, self.until))
        for key in self.named:
            found.update(self.service_changes(key))
            found.update(self.series[key].breaks)
        if self.silence:
            for key in self.named:
                found.update(r.received for r in self.series[key].good if r.received != NEVER)
            for node in nodes:
                if isinstance(node, Call) and node.function == "silent":
                    found.update(t for look in self.looks(node) for t in self.ends(node, look))
            return {t for t in found if t <= self.until}
        for key in self.named:
            series = self.series[key]
            found.update(r.time for r in series.good)
            edges = [*series.signs, *series.ceases(), *series.breaks]
            found.update(e for e in edges if series.known(e) != series.known(e - 1))
            if not series.gauge:
                begins = [
                    e
                    for e in edges
                    if series.known(e) and (not series.known(e - 1) or e in series.breaks)
                ]
                for node in nodes:
                    if not isinstance(node, Call) or node.function == "usual":
                        continue
                    if isinstance(node.arguments[-1], Number):
                        name = node.arguments[0]
                        if isinstance(name, Name) and key in self.subject.group.get(
                            name.name, (name.name,)
                        ):
                            w = int(node.arguments[-1].value)
                            found.update(r.time + w for r in series.good)
                            found.update(b + w for b in begins)
        return {t for t in found if t <= self.until}

    def looks(self, node: Call) -> Iterator[Look]:
        """As which members a node is asked."""
        name = node.arguments[0]
        assert isinstance(name, Name)
        members = self.subject.group.get(name.name)
        if members is None:
            yield Look(0)
        for i, key in enumerate(members or ()):
            if key in self.series:
                yield Look(0, member=i)

    def ends(self, node: Call, look: Look) -> Iterator[int]:
        """Arrivals, and where silences complete."""
        d = node.arguments[1]
        assert isinstance(d, Number)
        for caller in self.callers(node, look):
            arrivals = caller.arrivals
            yield from arrivals
            ends = [self.complete(a, caller.span(d, a), caller.device) for a in arrivals]
            nexts = [*arrivals[1:], LATE][: len(arrivals)]
            yield from (e for e, n in zip(ends, nexts, strict=True) if e < n)
            begins = caller.commissioned
            untold = self.complete(begins, caller.span(d, begins), caller.device)
            if not arrivals or untold < arrivals[0]:
                yield untold
            if caller.serving is not None and (caller.serving.in_service.value == 0).any():
                yield from caller.serving.in_service.at.tolist()

    # --- the machine

    def masked(self, since: int, t: int) -> frozenset[str]:
        def moments(key: str) -> list[int]:
            good = self.series[key].good
            return [
                r.received if self.silence else r.time
                for r in good
                if not self.silence or r.received != NEVER
            ]

        spoken = any(t in moments(key) for key in self.named)
        gauges = [k for k in self.series if self.series[k].gauge]
        return frozenset(
            key
            for key in gauges
            if not spoken or len([m for m in moments(key) if since <= m <= t]) < 2
        )

    def observed(self, truth: Callable[[Look], int], hold: int, run: int | None, t: int) -> bool:
        if run is None or t - run < hold:
            return False
        return hold == 0 or truth(Look(t, self.masked(run, t))) == TRUE

    def end(self, look: Look) -> int:
        when = self.truth(self.rule.when, look)
        over = OUT if when == OUT else TRUE - when
        return over if self.rule.clear is None else min(self.truth(self.rule.clear, look), over)

    def step_off(self, step: Step, look: Look) -> int:
        on = self.truth(step.when, look)
        over = OUT if on == OUT else TRUE - on
        return over if step.clear is None else min(self.truth(step.clear, look), over)

    def lacks(self, names: Iterable[str], t: int) -> bool:
        return any(math.isnan(steps_at(self.subject.thresholds.get(n), t)) for n in names)

    def unmodelled(self, names: Iterable[str], t: int) -> bool:
        """Whether no model of one of these is in force."""

        def latest(name: str) -> object:
            revisions = self.subject.forecasts[name].revisions if self.subject.forecasts else ()
            return next((model for at, model in reversed(revisions) if at <= t), None)

        return any(latest(name) is None for name in names)

    def log(self) -> list[Episode]:
        rule = self.rule
        itself = self.silence or any(not self.series[k].gauge for k in self.named)
        certain = self.instants() | {t for t in self.closed if t <= self.until}
        queue = sorted(certain)
        heapq.heapify(queue)
        dues: dict[int, list[tuple[str, int]]] = {}
        state = State(steps=[Latch() for _ in rule.steps])
        log: list[Episode] = []
        last: int | None = None

        def runs() -> list[tuple[str, int | None, int]]:
            return [
                ("when", state.run, rule.hold),
                ("end", state.end_run, rule.keep),
                *(
                    (f"step {i}", latch.run, step.hold)
                    for i, (latch, step) in enumerate(zip(state.steps, rule.steps, strict=True))
                ),
            ]

        while queue:
            t = heapq.heappop(queue)
            if t == last:
                continue
            if t not in certain:
                alive = {(kind, start) for kind, start, _ in runs()}
                if not any(due in alive for due in dues[t]):
                    continue
            last = t
            self.judge(state, t, log)
            for kind, start, hold in runs():
                if itself and start is not None and hold and t < start + hold <= self.until:
                    dues.setdefault(start + hold, []).append((kind, start))
                    heapq.heappush(queue, start + hold)
        if state.active:
            log.append(self.episode(state, None, None))
        return log

    def judge(self, state: State, t: int, log: list[Episode]) -> None:
        rule, look = self.rule, Look(t)
        when = self.truth(rule.when, look)
        forced = when == OUT or self.lacks(rule.thresholds, t)
        forced |= self.unmodelled(rule.needed_forecasts, t)
        when = FALSE if forced else when
        end = TRUE if forced else self.end(look)
        state.barred = (state.barred or t in self.closed) and when != FALSE
        when = FALSE if state.barred else when
        state.run = (state.run if state.run is not None else t) if when == TRUE else None
        state.end_run = (state.end_run if state.end_run is not None else t) if end == TRUE else None
        if not state.active:
            if self.observed(lambda x: self.truth(rule.when, x), rule.hold, state.run, t):
                state.active, state.began, state.since = True, t, state.run
                state.severity = []
        elif forced or t in self.closed or self.observed(self.end, rule.keep, state.end_run, t):
            reason = self.reason(t, forced=forced)
            log.append(self.episode(state, t, reason if forced else self.closed.get(t, reason)))
            state.active = False
        living = state.active or state.run is not None
        if not living or (not state.active and state.run == t):
            for latch in state.steps:
                latch.on, latch.run = False, None
        if living:
            for latch, step in zip(state.steps, rule.steps, strict=True):
                self.judge_step(latch, step, t)
        if state.active:
            on = [
                step.severity
                for latch, step in zip(state.steps, rule.steps, strict=True)
                if latch.on
            ]
            severity = on[-1] if on else rule.severity
            if not state.severity or state.severity[-1][1] != severity:
                state.severity.append((t, severity))

    def judge_step(self, latch: Latch, step: Step, t: int) -> None:
        look = Look(t)
        on, off = self.truth(step.when, look), self.step_off(step, look)
        missing = self.lacks(step.thresholds, t) or self.unmodelled(step.forecasts, t)
        if on == OUT or missing:
            on, off = FALSE, TRUE
        latch.run = (latch.run if latch.run is not None else t) if on == TRUE else None
        if self.observed(lambda x: self.truth(step.when, x), step.hold, latch.run, t):
            latch.on = True
        elif off == TRUE:
            latch.on = False

    def reason(self, t: int, *, forced: bool) -> str | None:
        if forced and self.lacks(self.rule.thresholds, t):
            return "threshold withdrawn"
        if forced and self.unmodelled(self.rule.needed_forecasts, t):
            return "forecast withdrawn"
        if forced:
            return "out of service"
        revised = any(
            t in self.subject.thresholds[n].at.tolist()
            for n in (*self.rule.thresholds, *self.rule.optional_thresholds)
            if n in self.subject.thresholds
        )
        spoken = any(r.time == t for k in self.named for r in self.series[k].good)
        return "rule revised" if revised and not spoken else None

    def episode(self, state: State, ended: int | None, reason: str | None) -> Episode:
        assert state.since is not None
        assert state.began is not None
        stop = ended if ended is not None else self.until
        return Episode(
            rule=self.rule.id,
            subject=self.subject.key,
            since=state.since,
            began=state.began,
            ended=ended,
            severity=tuple(state.severity),
            stale=() if self.silence else tuple(self.stale(state.began, stop, ended)),
            reason=reason,
        )

    def stale(self, began: int, stop: int, ended: int | None) -> Iterator[tuple[int, int | None]]:
        """Exactly: from a stale limit to the next row, of any series named."""
        points = {began, stop}
        for key in self.named:
            series = self.series[key]
            points.update(e for e in (*series.signs, *series.ceases()) if began <= e <= stop)
            points.update(r.time for r in series.good if began <= r.time <= stop)
            points.update(p for p in self.service_changes(key) if began <= p <= stop)
            points.update(b for b in series.breaks if began <= b <= stop)

        def unknown(t: int) -> list[str]:
            return [k for k in self.named if not self.series[k].known(t) and not self.out(k, t)]

        since: int | None = None
        for t in sorted(points):
            if unknown(t) and since is None and (ended is None or t < ended):
                ceased = any(t in self.series[k].ceases() for k in unknown(t)) and t > began
                since = t - 1 if ceased else t
            elif not unknown(t) and since is not None:
                yield since, t
                since = None
        if since is not None:
            yield since, ended


def until(column: SeriesColumns, t: int) -> SeriesColumns:
    """The rows up to t."""
    rows = column.time <= t
    return replace(
        column,
        time=column.time[rows],
        value=column.value[rows],
        quality=column.quality[rows],
        received_at=column.received_at[rows],
    )


def chance_below(issued: Issued, limit: float, span: int) -> Values:
    """Of each moment that is looked at what is not above; the greatest of these."""
    steps = sorted({span, *(h for h in issued.horizons if h <= span)})
    if issued.tier[0] < 0 or not issued.horizons or span > issued.horizons[-1]:
        return np.full(1, math.nan)
    if issued.current[0] < limit:
        return np.ones(1)
    below = []
    for step in steps:
        at = [value_at(quantiles(issued, i), step)[0] for i in range(len(issued.levels))]
        below.append(1 - crossing(issued.levels, np.array([at]), np.array([limit]))[0])
    return np.array([max(below)])


def quantiles(issued: Issued, level: int) -> Issued:
    """One of its quantiles in the place of the median."""
    return replace(issued, levels=(0.5,), values=issued.values[:, :, level : level + 1])


def own(node: Node) -> Iterator[Name]:
    """The series that a node names of its own subject."""
    if isinstance(node, Name):
        yield node
    if not (isinstance(node, Call) and node.function in ("share", "total", "upstream")):
        for part in node.parts:
            yield from own(part)


def charged(columns: SeriesColumns, t: int) -> str:
    """The device that measures a series at t."""
    return next((name for name, until in columns.earlier if t < until), columns.device)


def rounded(interval: Interval) -> Interval:
    return round(interval[0], 9), round(interval[1], 9)


def compare(operator: str, a: Interval, b: Interval) -> int:
    holds, fails = {
        ">": (a[0] > b[1], a[1] <= b[0]),
        ">=": (a[0] >= b[1], a[1] < b[0]),
        "<": (a[1] < b[0], a[0] >= b[1]),
        "<=": (a[1] <= b[0], a[0] > b[1]),
        "==": (a[0] == a[1] == b[0] == b[1], a[1] < b[0] or a[0] > b[1]),
        "!=": (a[1] < b[0] or a[0] > b[1], a[0] == a[1] == b[0] == b[1]),
    }[operator]
    return TRUE if holds else FALSE if fails else UNKNOWN


def arithmetic(operator: str, a: Interval, b: Interval) -> Interval:
    if operator == "+":
        return a[0] + b[0], a[1] + b[1]
    if operator == "-":
        return a[0] - b[1], a[1] - b[0]
    if operator == "/" and b[0] <= 0 <= b[1]:
        return EVERYTHING
    if operator == "*":
        corners = [0.0 if 0 in (x, y) else x * y for x in a for y in b]
    else:
        corners = [0.0 if math.isinf(x) and math.isinf(y) else x / y for x in a for y in b]
    return min(corners), max(corners)


def minus(one: Reading, other: Reading) -> Interval:
    return one.lo - other.hi, one.hi - other.lo


def rank(values: list[float], fraction: float) -> float:
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    below = math.floor(place)
    if place == below:
        return ordered[below]
    weight = place - below
    return ordered[below] * (1 - weight) + ordered[below + 1] * weight


def slope(inside: list[Reading]) -> Interval:
    if len(inside) < 3:
        return EVERYTHING
    hours = [(r.time - inside[-1].time) / HOUR for r in inside]
    middle = sum(hours) / len(hours)
    lean = [h - middle for h in hours]
    values = [r.lo - inside[-1].lo for r in inside]
    found = sum(x * y for x, y in zip(lean, values, strict=True)) / sum(x * x for x in lean)
    full = [x for x, r in zip(lean, inside, strict=True) if r.hi == INF]
    return (
        -INF if any(x < 0 for x in full) else found,
        INF if any(x > 0 for x in full) else found,
    )
