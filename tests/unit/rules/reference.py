"""A slow, obvious model of the alarm log: one subject, instant by instant, from its meaning.

Shares with the engine only the trees that rules are read into.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from rules._inputs import Horizon, SeriesColumns, Steps, Subject
from rules._journal import Episode
from rules._rule import Rule, Step
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
    walk,
)
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting
from sensors._row import NEVER

INF = math.inf
EVERYTHING = (-INF, INF)
HOUR = 3_600_000_000
FALSE, UNKNOWN, TRUE, OUT = range(4)

Interval = tuple[float, float]


@dataclass
class Reading:
    time: int
    lo: float
    hi: float
    received: int


def steps_at(steps: Steps | None, t: int, *, back: bool = False) -> float:
    value = math.nan
    for at, its in zip(steps.at.tolist(), steps.value.tolist(), strict=True) if steps else ():
        if at <= t or (back and math.isnan(value)):
            value = its
    return value


class Series:
    def __init__(self, columns: SeriesColumns, device_rows: list[int]) -> None:
        self.columns = columns
        self.gauge = columns.reporting is Reporting.PERIODIC
        self.amount = columns.kind is Kind.INCREMENT
        self.nonnegative = columns.nonnegative
        self.good = [
            Reading(t, v, INF if q & int(Quality.SATURATED) else v, r)
            for t, v, q, r in zip(
                columns.time.tolist(),
                columns.value.tolist(),
                columns.quality.tolist(),
                columns.received_at.tolist(),
                strict=True,
            )
            if not q & int(Quality.SUSPECT) and not math.isnan(v)
        ]
        self.signs = [r.time for r in self.good] if self.gauge else device_rows

    def limit(self, t: int) -> int:
        return int(steps_at(self.columns.stale_after, t, back=True))

    def interval(self, t: int) -> int:
        return int(steps_at(self.columns.interval, t, back=True))

    def at(self, t: int) -> Reading | None:
        return next((r for r in reversed(self.good) if r.time <= t), None)

    def known(self, t: int) -> bool:
        sign = next((s for s in reversed(self.signs) if s <= t), None)
        if sign is None or t - sign > self.limit(sign):
            return False
        return self.gauge or self.amount or self.at(t) is not None

    def ceases(self) -> list[int]:
        return [s + self.limit(s) + 1 for s in self.signs]

    def covered(self, a: int, t: int) -> bool:
        points = [a, t, *(p for p in self.ceases() if a < p <= t)]
        return all(self.known(p) for p in points)


@dataclass
class Look:
    """Where one stands: an instant, and which series are taken as unknown."""

    t: int
    masked: frozenset[str] = frozenset()
    member: int | None = None


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
    severity: list[tuple[int, str]] = field(default_factory=list)


class Reference:
    """The log of one rule without revisions over one subject, on the axis of values or silence."""

    def __init__(self, rule: Rule, subject: Subject, horizon: Horizon) -> None:
        self.rule = rule
        self.subject = subject
        self.silence = rule.axis == "silence"
        self.until = horizon.silence if self.silence else horizon.values
        self.deaf = horizon.deaf
        rows: dict[str, list[int]] = {}
        for column in subject.series.values():
            rows.setdefault(column.device, []).extend(column.time.tolist())
        self.series = {
            name: Series(column, sorted(rows[column.device]))
            for name, column in subject.series.items()
        }
        self.named = [key for name in rule.names for key in subject.group.get(name, (name,))]

    # --- values

    def key(self, name: str, look: Look) -> str:
        members = self.subject.group.get(name)
        return name if members is None or look.member is None else members[look.member]

    def out(self, key: str, t: int) -> bool:
        device = self.subject.devices[self.series[key].columns.device]
        return steps_at(device.in_service, t) == 0

    def value(self, node: Node, look: Look) -> Interval:  # noqa: PLR0911  one line a node
        match node:
            case Number():
                return node.value, node.value
            case Threshold():
                v = steps_at(self.subject.thresholds.get(node.name), look.t)
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
            case Call(function="share"):
                return self.share(node, look)
            case Call():
                return self.call(node, look)
        raise AssertionError(node)

    def arrived(self, key: str, t: int) -> list[Reading]:
        good = self.series[key].good
        return [r for r in good if r.received <= t] if self.silence else good

    def held(self, key: str, t: int) -> Interval:
        if self.silence:
            before = [r for r in self.arrived(key, t) if r.time <= t]
            if not before or t - before[-1].time > self.series[key].limit(before[-1].time):
                return EVERYTHING
            return before[-1].lo, before[-1].hi
        reading = self.series[key].at(t)
        known = self.series[key].known(t) and reading is not None
        return (reading.lo, reading.hi) if known and reading else EVERYTHING

    def call(self, node: Call, look: Look) -> Interval:
        name, *numbers = node.arguments
        assert isinstance(name, Name)
        key, t = self.key(name.name, look), look.t
        sizes = [n.value for n in numbers if isinstance(n, Number)]
        had = [r for r in self.arrived(key, t) if self.silence or r.time <= t]
        if node.function == "last":
            return (had[-1].lo, had[-1].hi) if had else EVERYTHING
        w = int(sizes[-1])
        if node.function == "last_change":
            base = [r for r in had if r.time <= had[-1].time - w] if had else []
            return minus(had[-1], base[-1]) if base else EVERYTHING
        if key in look.masked:
            return EVERYTHING
        if node.function == "change":
            return self.change(key, t, w, had)
        return self.window(node.function, key, t, w, sizes[0])

    def change(self, key: str, t: int, w: int, had: list[Reading]) -> Interval:
        series = self.series[key]
        now = self.held(key, t)
        base = [r for r in had if r.time <= t - w]
        if now == EVERYTHING or not base:
            return EVERYTHING
        if series.gauge:
            if base[-1].time < t - w - series.interval(t):
                return EVERYTHING
        elif not series.known(t - w):
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
            if r.time <= t and (r.time > t - w or (closed and r.time == t - w))
        ]
        covered = series.covered(t - w, t) and (not series.gauge or bool(inside))
        held: list[Reading] = []
        if not series.gauge and not series.amount and series.known(t - w):
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
        size = len(self.subject.group[words[0]])
        found = [self.truth(condition, Look(look.t, look.masked, i)) for i in range(size)]
        found = [truth for truth in found if truth != OUT]
        if not found:
            return EVERYTHING
        n, true, unknown = len(found), found.count(TRUE), found.count(UNKNOWN)
        return true / n, (true + unknown) / n

    # --- truth

    def truth(self, node: Node, look: Look) -> int:
        match node:
            case Every():
                return min(self.truth(c, look) for c in node.conditions)
            case Some():
                found = [self.truth(c, look) for c in node.conditions]
                return max((f for f in found if f != OUT), default=OUT)
            case Negation():
                inner = self.truth(node.condition, look)
                return OUT if inner == OUT else TRUE - inner
        names = [
            n.name
            for n in walk(node)
            if isinstance(n, Name)
            and n.name != "device"
            and not (look.member is None and n.name in self.subject.group)
        ]
        if any(self.out(self.key(name, look), look.t) for name in names):
            return OUT
        match node:
            case Call(function="silent"):
                return TRUE if self.silent(node, look) else FALSE
            case Comparison():
                return compare(
                    node.operator,
                    rounded(self.value(node.left, look)),
                    rounded(self.value(node.right, look)),
                )
        raise AssertionError(node)

    # --- silence

    def heard(self, t: int) -> int:
        return t - sum(max(0, min(t, b) - a) for a, b in self.deaf if a < t)

    def complete(self, t: int, d: int) -> int:
        """The first instant at which we have listened for d since t."""
        wanted = self.heard(t) + d
        now = t + d
        while self.heard(now) < wanted:
            now += wanted - self.heard(now)
        return now

    def calls(self, node: Call) -> Iterator[tuple[list[int], int]]:
        name = node.arguments[0]
        assert isinstance(name, Name)
        devices = self.subject.devices
        if name.name == "device":
            for device, facts in devices.items():
                got = [
                    r
                    for c in self.subject.series.values()
                    if c.device == device
                    for r in c.received_at.tolist()
                    if r != NEVER
                ]
                yield sorted(got), facts.commissioned
        else:
            got = [r.received for r in self.series[name.name].good if r.received != NEVER]
            yield sorted(got), devices[self.series[name.name].columns.device].commissioned

    def silent(self, node: Call, look: Look) -> bool:
        d = node.arguments[1]
        assert isinstance(d, Number)
        for arrivals, commissioned in self.calls(node):
            before = [a for a in arrivals if a <= look.t]
            if look.t >= self.complete(before[-1] if before else commissioned, int(d.value)):
                return True
        return False

    # --- instants

    def instants(self) -> set[int]:  # noqa: C901, PLR0912  as one reads it
        found: set[int] = set()
        for threshold in (*self.rule.thresholds, *self.rule.optional_thresholds):
            steps = self.subject.thresholds.get(threshold)
            found.update(steps.at.tolist() if steps else ())
        nodes = [n for c in self.rule.conditions for n in walk(c)]
        for key in self.named:
            device = self.subject.devices[self.series[key].columns.device]
            if (device.in_service.value == 0).any():
                found.update(device.in_service.at.tolist())
        if self.silence:
            for key in self.named:
                found.update(r.received for r in self.series[key].good if r.received != NEVER)
            for node in nodes:
                if isinstance(node, Call) and node.function == "silent":
                    d = node.arguments[1]
                    assert isinstance(d, Number)
                    for arrivals, commissioned in self.calls(node):
                        found.update(arrivals)
                        ends = [self.complete(a, int(d.value)) for a in arrivals]
                        nexts = [*arrivals[1:], 2**62][: len(arrivals)]
                        found.update(e for e, n in zip(ends, nexts, strict=True) if e < n)
                        untold = self.complete(commissioned, int(d.value))
                        if not arrivals or untold < arrivals[0]:
                            found.add(untold)
            return {t for t in found if t <= self.until}
        for key in self.named:
            series = self.series[key]
            found.update(r.time for r in series.good)
            edges = [s + 0 for s in series.signs] + series.ceases()
            found.update(e for e in edges if series.known(e) != series.known(e - 1))
            if not series.gauge:
                begins = [e for e in edges if series.known(e) and not series.known(e - 1)]
                for node in nodes:
                    if isinstance(node, Call) and isinstance(node.arguments[-1], Number):
                        name = node.arguments[0]
                        if isinstance(name, Name) and key in self.subject.group.get(
                            name.name, (name.name,)
                        ):
                            w = int(node.arguments[-1].value)
                            found.update(r.time + w for r in series.good)
                            found.update(b + w for b in begins)
        return {t for t in found if t <= self.until}

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

    def log(self) -> list[Episode]:
        rule = self.rule
        itself = self.silence or any(not self.series[k].gauge for k in self.named)
        certain = self.instants()
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
        when = FALSE if forced else when
        end = TRUE if forced else self.end(look)
        state.run = (state.run if state.run is not None else t) if when == TRUE else None
        state.end_run = (state.end_run if state.end_run is not None else t) if end == TRUE else None
        if not state.active:
            if self.observed(lambda x: self.truth(rule.when, x), rule.hold, state.run, t):
                state.active, state.began, state.since = True, t, state.run
                state.severity = []
        elif forced or self.observed(self.end, rule.keep, state.end_run, t):
            log.append(self.episode(state, t, self.reason(t, forced=forced)))
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
        names = [
            n.name
            for c in (step.when, step.clear)
            if c is not None
            for n in walk(c)
            if isinstance(n, Threshold)
        ]
        if on == OUT or self.lacks(names, t):
            on, off = FALSE, TRUE
        latch.run = (latch.run if latch.run is not None else t) if on == TRUE else None
        if self.observed(lambda x: self.truth(step.when, x), step.hold, latch.run, t):
            latch.on = True
        elif off == TRUE:
            latch.on = False

    def reason(self, t: int, *, forced: bool) -> str | None:
        if forced:
            return (
                "threshold withdrawn" if self.lacks(self.rule.thresholds, t) else "out of service"
            )
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
            device = self.subject.devices[series.columns.device]
            points.update(p for p in device.in_service.at.tolist() if began <= p <= stop)

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
