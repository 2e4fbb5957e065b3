"""Random rules and readings: gaps, suspects, saturation, late and shuffled arrival, revisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from rules._forecast import ForecastModel
from rules._functions import FORECASTS, FUNCTIONS, Gives, Takes
from rules._inputs import (
    Calendar,
    Closing,
    Device,
    Forecasts,
    Horizon,
    Instants,
    SeriesColumns,
    Steps,
    Subject,
    Upstream,
)
from rules._read import read_rule
from rules._readings import DAY_ZERO, Reported, Sent, columns, standing
from rules._rule import Rule
from rules._tree import Call, Name, walk
from rules._vocabulary import Vocabulary
from rules._written_forecast import WrittenModel, input_of
from rules._yaml import Source, as_yaml
from sensors._errors import Place
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting

MINUTE = 60_000_000
OPEN = Vocabulary(series={}, thresholds={}, closed=False)

# name: kind, reporting, device, interval in minutes
SERIES = {
    "level": (Kind.GAUGE, Reporting.PERIODIC, "one", 5),
    "rain": (Kind.INCREMENT, Reporting.PERIODIC, "two", 10),
    "energy": (Kind.COUNTER, Reporting.PERIODIC, "one", 5),
    "door": (Kind.STATE, Reporting.ON_CHANGE, "two", 10),
    "tips": (Kind.INCREMENT, Reporting.ON_CHANGE, "two", 10),
    "m1": (Kind.STATE, Reporting.ON_CHANGE, "three", 15),
    "m2": (Kind.STATE, Reporting.ON_CHANGE, "two", 10),
    "m3": (Kind.GAUGE, Reporting.PERIODIC, "four", 5),
    "p1": (Kind.GAUGE, Reporting.PERIODIC, "three", 5),
    "p3": (Kind.GAUGE, Reporting.PERIODIC, "four", 10),
}
GROUP = {"fault": ("m1", "m2", "m3"), "power": ("p1", "p2", "p3")}  # no series p2: not measured
ABOVE = {"mill": ("level", "rain"), "ford": ("level",)}  # sites upstream
INPUTS = ("level@spring", "rain@spring")  # of another site, for forecasts
DEVICES = ("zero", "one", "two", "three", "four")  # zero: the one before one


@dataclass(frozen=True, kw_only=True)
class World:
    """One subject: arrivals in any order, and facts."""

    rule: Rule
    sent: tuple[Sent, ...]
    thresholds: dict[str, Steps]
    service: dict[str, Steps]
    horizon: Horizon
    fed: dict[str, Steps] = field(default_factory=dict)
    breaks: dict[str, Instants] = field(default_factory=dict)
    withdrawn: dict[str, Steps] = field(default_factory=dict)
    replaced: tuple[int, int] | None = None  # when level's gauge was, and commissioned its next
    calendar: Calendar | None = None
    plan: Steps | None = None
    lags: dict[str, int | Steps] = field(default_factory=dict)  # of the sites upstream
    closings: tuple[Closing, ...] = ()
    models: tuple[tuple[int, ForecastModel | None], ...] = ()
    key: str = "subject"

    def subject(self, sent: Sequence[Sent] | None = None) -> Subject:
        rows = self.sent if sent is None else sent
        series: dict[str, SeriesColumns] = {}
        for name, (kind, reporting, device, interval) in SERIES.items():
            series_columns = columns(
                standing(row for row in rows if row.series == name),
                Reported(
                    device=device,
                    kind=kind,
                    reporting=reporting,
                    nonnegative=kind in (Kind.INCREMENT, Kind.COUNTER),
                    interval=interval * MINUTE,
                ),
            )
            series[name] = replace(
                series_columns,
                breaks=self.breaks.get(name, series_columns.breaks),
                withdrawn=self.withdrawn.get(name),
                earlier=(("zero", self.replaced[0]),) if self.replaced and name == "level" else (),
            )
        devices = {
            device: Device(
                commissioned=self.replaced[1] if self.replaced and device == "one" else DAY_ZERO,
                in_service=self.service.get(device, _ONE),
                fed=self.fed.get(device),
            )
            for device in DEVICES[0 if self.replaced else 1 :]
        }
        return Subject(
            key=self.key,
            series=series,
            devices=devices,
            thresholds=self.thresholds,
            group=GROUP,
            calendar=self.calendar,
            plan=self.plan,
            upstream=tuple(self._above(site, lag, rows) for site, lag in self.lags.items()),
            forecasts={
                "level": Forecasts(
                    revisions=self.models,
                    inputs={input_of(name, HERE): self._elsewhere(name, rows) for name in INPUTS},
                )
            }
            if self.models
            else {},
        )

    def _elsewhere(self, name: str, rows: Sequence[Sent]) -> SeriesColumns:
        quantity, _, site = name.partition("@")
        kind, reporting, _, interval = SERIES[quantity]
        elsewhere = columns(
            standing(row for row in rows if row.series == name),
            Reported(
                device=site,
                kind=kind,
                reporting=reporting,
                nonnegative=quantity == "rain",
                interval=interval * MINUTE,
            ),
        )
        return replace(elsewhere, breaks=self.breaks.get(name, elsewhere.breaks))

    def _above(self, site: str, lag: int | Steps, rows: Sequence[Sent]) -> Upstream:
        return Upstream(
            site=site,
            lag=lag,
            series={
                name: columns(
                    standing(sent for sent in rows if sent.series == f"{name}@{site}"),
                    Reported(
                        device=site,
                        kind=SERIES[name][0],
                        reporting=Reporting.PERIODIC,
                        nonnegative=name == "rain",
                        interval=SERIES[name][3] * MINUTE,
                    ),
                )
                for name in ABOVE[site]
            },
            devices={site: Device(commissioned=DAY_ZERO, in_service=self.service.get(site, _ONE))},
            thresholds={"alert": self.thresholds["alert"]} if "alert" in self.thresholds else {},
        )


_ONE = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))

HERE = "here"

_value = st.sampled_from([1.0, 2.0, 2.9, 3.0, 3.1, 3.5, 4.0, 6.0])
_duration = st.sampled_from(["5 min", "10 min", "20 min", "30 min"])
_silent_for = st.one_of(_duration, st.sampled_from(["1 interval", "1.5 intervals", "3 intervals"]))
_number = st.sampled_from(["0", "1", "2", "2.9", "3", "3.1", "4"])
_operator = st.sampled_from([">", ">=", "<", "<=", "=="])
_of_counters = {"increase"}
_window = st.sampled_from(
    [
        name
        for name, function in FUNCTIONS.items()
        if function.takes == (Takes.SERIES, Takes.DURATION)
        and (function.windowed or name == "change")
        and function.gives is not Gives.CONDITION
        and name not in FORECASTS | _of_counters
    ]
)


@st.composite
def _gauge_value(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["level", "level", "rain"]))
    if draw(st.booleans()):
        return name
    function = draw(_window)
    window = draw(_duration)
    if draw(st.integers(0, 7)) == 0:
        return f"quantile({name}, 0.5, {window})"
    if draw(st.integers(0, 7)) == 0:
        return f"increase(energy, {window})"
    return f"{function}({name}, {window})"


@st.composite
def _state_value(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["door", "tips"]))
    if draw(st.booleans()):
        return "door"
    function = draw(st.sampled_from(["sum", "max", "min", "count", "mean", "change"]))
    return f"{function}({name}, {draw(_duration)})"


@st.composite
def _share(draw: st.DrawFn, *, silence: bool) -> str:
    """Held values, windows, two words, and a word that no member has."""
    span = draw(_duration)
    pause = draw(_silent_for)
    values = [
        "fault == 1",
        "fault == 1",
        "power > 2.9",
        "fault == 1 and power > 2",
        "fault == 1 or level > 3",
        "not (change(power, 5 min) > 0)",
        "power > threshold.alert",
    ]
    windows = [f"mean(power, {span}) > 2.9", f"count(fault, {span}) > 0", f"max(fault, {span}) > 0"]
    quiet = [
        f"silent(power, {pause})",
        f"silent(fault, {pause})",
        f"silent(power, {pause}) or fault == 1",
        f"silent(fault, {pause}) and last(power) > 3",
    ]
    condition = draw(st.sampled_from(quiet if silence else values + windows))
    return f"share({condition}) {draw(_operator)} {draw(st.sampled_from(['0.3', '0.5', '0.6']))}"


@st.composite
def _around(draw: st.DrawFn, *, states: bool) -> str:
    """What does not move, what the clock and the plan say, what comes from upstream, a total."""
    span, number = draw(_duration), draw(_number)
    words = [
        "hour >= 1",
        "hour in (0, 2)",
        "weekday == sun",
        "holiday",
        "not night",
        "planned_on",
        "planned_level > 40",
        "month != dec",
    ]
    above = [
        f"upstream(level) {draw(_operator)} {number}",
        f"upstream(level, {span}) {draw(_operator)} {number}",
        f"upstream(change(level, {span})) > 0",
        f"upstream(level > threshold.alert and sum(rain, {span}) > {number}, 10 min)",
        f"not upstream(stuck(level, {span}))",
        f"upstream(mean(level, {span}) + 1) > {number} and level > 2",
    ]
    totals = [f"total(power) {draw(_operator)} {number}", f"total(max(power, {span})) > {number}"]
    still = [f"stuck(level, {span})", f"not stuck(rain, {span})"]
    if states:
        still += [f"stuck(door, {span})", f"share(stuck(power, {span})) > 0.4", *totals, *totals]
    return draw(st.sampled_from([draw(st.sampled_from(words)), *above, *still]))


@st.composite
def _forecast(draw: st.DrawFn) -> str:
    """What is to come, as a value or as a chance, within the model's horizons and beyond them."""
    span = draw(st.sampled_from(["15 min", "20 min", "30 min", "1 h"]))
    crossing = draw(
        st.sampled_from(
            ["level > 3", "level >= threshold.alert", "3 < level", "level < 2.9", "level <= 3 - 1"]
        )
    )
    if draw(st.booleans()):
        return f"chance({crossing}, {span}) {draw(_operator)} {draw(st.sampled_from(CHANCES))}"
    return f"forecast(level, {span}) {draw(_operator)} {draw(_number)}"


CHANCES = ["0", "5 %", "30 %", "0.5", "90 %", "1"]


@st.composite
def _usual(draw: st.DrawFn, *, states: bool) -> str:
    """What was usual, of a gauge, an amount, a counter, and of members."""
    weeks = draw(st.integers(2, 3))
    of = [
        f"level {draw(_operator)} usual(level, {weeks} weeks)",
        f"usual(level, {weeks} weeks) {draw(_operator)} {draw(_number)}",
        f"sum(rain, 1 h) > 1.5 * usual(rain, {weeks} weeks)",
        f"increase(energy, 1 h) < usual(energy, {weeks} weeks) / 2",
    ]
    if states:
        of += [
            f"usual(door, {weeks} weeks) {draw(_operator)} 0.5",
            f"usual(tips, {weeks} weeks) {draw(_operator)} {draw(_number)}",
            f"share(power > usual(power, {weeks} weeks)) > 0.3",
            f"total(usual(power, {weeks} weeks)) > {draw(_number)}",
        ]
    return draw(st.sampled_from(of))


@st.composite
def _past(draw: st.DrawFn, names: Sequence[str]) -> list[Sent]:
    """Three hours of each series in the weeks before, on the same days or Sundays; gaps, late."""
    past: list[Sent] = []
    for name in names:
        for week in (1, 2, 3):
            begins = DAY_ZERO - (7 * week - draw(st.sampled_from([0, 6, 6]))) * 1440 * MINUTE
            step = 3 * SERIES[name][3]  # as rare as holds
            values = draw(st.lists(_value, min_size=1, max_size=3))
            gap = draw(st.sampled_from([-1, -1, -1, 2, 5]))
            late = draw(st.sampled_from([0, 0, 10 * 1440, 30 * 1440])) * MINUTE
            for rank, minute in enumerate(range(-60, 120, step)):
                time = begins + minute * MINUTE
                if rank != gap:
                    value = values[rank % len(values)]
                    past.append(
                        Sent(
                            series=name, time=time, value=value, quality=0, received_at=time + late
                        )
                    )
    return past


def _usual_series(rule: Rule) -> list[str]:
    calls = [
        node
        for condition in rule.conditions
        for node in walk(condition)
        if isinstance(node, Call) and node.function == "usual"
    ]
    names = {part.name for call in calls for part in call.parts if isinstance(part, Name)}
    return sorted(k for name in names for k in GROUP.get(name, (name,)) if k in SERIES)


@st.composite
def _comparison(draw: st.DrawFn, *, states: bool) -> str:
    if draw(st.integers(0, 3)) == 0:
        return draw(_around(states=states))
    if draw(st.integers(0, 5)) == 0:
        return "level > threshold.alert"
    if draw(st.integers(0, 5)) == 0:
        return draw(_forecast())
    if draw(st.integers(0, 4)) == 0:
        return draw(_usual(states=states))
    if states and draw(st.booleans()):
        if draw(st.integers(0, 3)) == 0:
            return draw(_share(silence=False))
        value = draw(_state_value())
    else:
        value = draw(_gauge_value())
    if draw(st.integers(0, 6)) == 0:
        value = f"{value} {draw(st.sampled_from(['+', '-', '*', '/']))} level"
    return f"{value} {draw(_operator)} {draw(_number)}"


@st.composite
def _condition(draw: st.DrawFn, *, states: bool) -> str:
    one = draw(_comparison(states=states))
    match draw(st.integers(0, 5)):
        case 0:
            return f"{one} and {draw(_comparison(states=states))}"
        case 1:
            return f"{one} or {draw(_comparison(states=states))}"
        case 2:
            return f"not ({one})"
    return one


@st.composite
def _silence(draw: st.DrawFn, *, states: bool) -> str:  # noqa: ARG001, PLR0911  a line a kind
    name = draw(st.sampled_from(["level", "rain", "device"]))
    quiet = f"silent({name}, {draw(_duration if name == 'device' else _silent_for)})"
    match draw(st.integers(0, 9)):
        case 8:
            return f"{quiet} and {draw(st.sampled_from(['hour >= 1', 'not night', 'planned_on']))}"
        case 9:
            return f"{quiet} and upstream(level > 2)"
        case 7:
            return f"{quiet} and change(door, {draw(_duration)}) >= 0 or door == 1"
        case 5:
            return draw(_share(silence=True))
        case 6:
            return f"{draw(_share(silence=True))} or {quiet}"
        case 0:
            return f"{quiet} and last_change(level, {draw(_duration)}) > 0"
        case 1:
            return f"{quiet} and last(level) > 3"
        case 2:
            return f"{quiet} or level > 3"
        case 3:
            return f"{quiet} and change(level, {draw(_duration)}) > 0"
    return quiet


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A random rule."""
    kind = draw(st.integers(0, 3))
    condition = _silence(states=False) if kind == 0 else _condition(states=kind == 1)
    written: dict[str, object] = {"id": "rule", "when": draw(condition)}
    if draw(st.integers(0, 2)) == 0:
        written["clear"] = draw(condition)
    if draw(st.booleans()):
        written["for"] = draw(_duration)
    if draw(st.integers(0, 2)) == 0:
        written["keep for"] = draw(_duration)
    if draw(st.integers(0, 2)) == 0:
        step: dict[str, object] = {"severity": "critical", "when": draw(condition)}
        if draw(st.booleans()):
            step["clear"] = draw(condition)
        if draw(st.booleans()):
            step["for"] = draw(_duration)
        if draw(st.integers(0, 3)) == 0:
            step["when"] = "level > threshold.danger"
        written["steps"] = [step]
    source = Source("random")
    return read_rule(source.compose(as_yaml(written)), source, OPEN, domain="")


@st.composite
def arrivals(draw: st.DrawFn, name: str) -> list[Sent]:
    """Arrivals of one series, some late, doubled, corrected, suspect, saturated or missing."""
    messages: list[Sent] = []
    time = DAY_ZERO + 10 * MINUTE
    kind = SERIES[name.partition("@")[0]][0]
    states = kind is Kind.STATE or (name[0] == "m" and "@" not in name)
    for _ in range(draw(st.integers(0, 14))):
        time += draw(st.sampled_from([1, 5, 5, 5, 5, 10, 15, 16, 30, 31, 60])) * MINUTE
        value = draw(st.sampled_from([0.0, 1.0])) if states else draw(_value)
        quality = draw(
            st.sampled_from([0] * 8 + [int(Quality.OUT_OF_RANGE), int(Quality.SATURATED)])
        )
        late = draw(st.sampled_from([0] * 6 + [2, 17, 90])) * MINUTE
        one = Sent(series=name, time=time, value=value, quality=quality, received_at=time + late)
        messages.append(one)
        match draw(st.integers(0, 12)):
            case 0:
                messages.append(replace(one, received_at=one.received_at + 7 * MINUTE))
            case 1:
                later = one.received_at + 7 * MINUTE
                messages.append(replace(one, value=draw(_value), received_at=later))
            case 2:
                nan = float("nan")
                later = one.received_at + 7 * MINUTE
                broken = int(Quality.SENSOR_FAULT)
                messages.append(replace(one, value=nan, quality=broken, received_at=later))
    return messages


@st.composite
def _steps(draw: st.DrawFn, values: list[float]) -> Steps:
    times = draw(st.lists(st.integers(0, 200), min_size=1, max_size=3, unique=True))
    at = [DAY_ZERO + minute * MINUTE for minute in sorted(times)]
    return Steps(
        at=np.array(at, dtype=np.int64),
        value=np.array([draw(st.sampled_from(values)) for _ in at]),
    )


@dataclass(frozen=True, kw_only=True)
class _Changes:
    fed: dict[str, Steps] = field(default_factory=dict)
    breaks: dict[str, Instants] = field(default_factory=dict)
    withdrawn: dict[str, Steps] = field(default_factory=dict)
    service: dict[str, Steps] = field(default_factory=dict)
    replaced: tuple[int, int] | None = None


@st.composite
def _changes(draw: st.DrawFn, named: list[str], service: dict[str, Steps]) -> _Changes:
    """Supplies, breaks, members that come and go, a gauge that is replaced."""
    some = st.sampled_from(named) if named else st.sampled_from(sorted(SERIES))
    times = st.integers(0, 40).map(lambda five: DAY_ZERO + five * 5 * MINUTE)
    breaks = {
        name: np.array(sorted(draw(st.sets(times, min_size=1, max_size=2))), dtype=np.int64)
        for name in draw(st.sets(some, max_size=2))
    }
    replaced = None
    if draw(st.integers(0, 2)) == 0:
        until = draw(times)
        replaced = until, until + draw(st.sampled_from([-30, 0, 0, 20])) * MINUTE
        kept = breaks.get("level", np.empty(0, dtype=np.int64))
        breaks["level"] = np.union1d(kept, [until]).astype(np.int64)
        zero = service.get("zero", _ONE)
        old = zero.at < until
        service = {
            "zero": Steps(at=np.append(zero.at[old], until), value=np.append(zero.value[old], 0)),
            "one": service.get("one", Steps(at=np.array([replaced[1]]), value=np.ones(1))),
        }
    alike = draw(_steps([0.0, 1.0]))
    return _Changes(
        fed={
            device: draw(st.sampled_from([alike, draw(_steps([0.0, 1.0]))]))
            for device in draw(st.sets(st.sampled_from(DEVICES), max_size=4))
        },
        breaks=breaks,
        withdrawn={name: draw(_steps([0.0, 1.0])) for name in draw(st.sets(some, max_size=2))},
        service=service if replaced else {},
        replaced=replaced,
    )


_calendars = st.sampled_from(
    [
        None,
        Calendar(zone="Europe/Paris", lon=2.44, lat=48.63),
        Calendar(zone="Asia/Kolkata", lon=88.36, lat=22.57),
        Calendar(zone="America/St_Johns", lon=-52.71, lat=47.56),
    ]
)


_closings = st.sets(st.integers(10, 200), max_size=3).map(
    lambda minutes: tuple(
        Closing(at=DAY_ZERO + minute * MINUTE, reason="closed by martin")
        for minute in sorted(minutes)
    )
)


@st.composite
def _lags(draw: st.DrawFn) -> dict[str, int | Steps]:
    spans = [0.0, 5.0 * MINUTE, 12.0 * MINUTE, 60.0 * MINUTE]
    search_strategy = st.sampled_from(spans).map(int)
    sites = draw(st.sets(st.sampled_from(sorted(ABOVE))))
    return {site: draw(st.one_of(search_strategy, _steps(spans))) for site in sorted(sites)}


@st.composite
def _models(draw: st.DrawFn) -> tuple[tuple[int, ForecastModel | None], ...]:
    """Linear models of the level, one after the other; now and then none."""
    terms = [
        *("change(level, 10 min)", "change(level, 25 min)", "change(level@spring, 10 min)"),
        "sum(rain@spring, 30 min)",
    ]
    times = draw(st.sets(st.integers(0, 100), min_size=1, max_size=3))
    revisions: list[tuple[int, ForecastModel | None]] = []
    for minute in sorted(times):
        model = None
        if draw(st.integers(0, 4)):
            some = draw(st.sets(st.sampled_from(terms), min_size=1))
            horizons = draw(st.sets(st.sampled_from([15, 20, 30]), min_size=1))
            model = WrittenModel(
                series="level",
                terms={
                    horizon * MINUTE: {
                        term: draw(st.sampled_from([-1.0, 0.0, 0.5, 2.0])) for term in sorted(some)
                    }
                    for horizon in horizons
                },
                spread=draw(st.sampled_from([0.0, 0.2, 2.0])),
                hold=draw(st.sampled_from([10, 30])) * MINUTE,
            ).model(HERE, Place(file="random", line=1, column=1))
        revisions.append((DAY_ZERO + minute * MINUTE, model))
    return tuple(revisions)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A random rule and subject."""
    rule = draw(rules())
    named = {key for name in rule.names for key in GROUP.get(name, (name,)) if key in SERIES}
    devices = {SERIES[name][2] for name in named}
    heard = {name for name in SERIES if SERIES[name][2] in devices}
    sent = [one for name in sorted(heard) for one in draw(arrivals(name))]
    if "usual" in rule.functions and not rule.words:
        sent += draw(_past(_usual_series(rule)))
    lags = draw(_lags()) if rule.afar else {}
    above = [f"{name}@{site}" for site in lags for name in ABOVE[site]]
    sent += [one for name in above for one in draw(arrivals(name))]
    models = draw(_models()) if rule.forecasts else ()
    sent += [one for name in (INPUTS if models else ()) for one in draw(arrivals(name))]
    thresholds: dict[str, Steps] = {}
    if "alert" in rule.thresholds or draw(st.booleans()):
        thresholds["alert"] = draw(_steps([2.0, 3.0, 4.0, 3.0, float("nan")]))
    if draw(st.booleans()):
        thresholds["danger"] = draw(_steps([3.0, 4.0]))
    service = {}
    if devices and draw(st.integers(0, 4)) == 0:
        service[draw(st.sampled_from(sorted(devices)))] = draw(_steps([0.0, 1.0]))
    changed = _Changes() if draw(st.booleans()) else draw(_changes(sorted(named), service))
    last = max((one.received_at for one in sent), default=DAY_ZERO)
    until = last + draw(st.sampled_from([0, 7, 60])) * MINUTE
    gaps: tuple[tuple[int, int], ...] = ()
    if draw(st.integers(0, 3)) == 0:
        begins = DAY_ZERO + draw(st.integers(0, 100)) * MINUTE
        gaps = ((begins, begins + draw(st.integers(1, 60)) * MINUTE),)
    return World(
        rule=rule,
        sent=tuple(sent),
        thresholds=thresholds,
        service=service | changed.service,
        horizon=Horizon(values=until, silence=until, gaps=gaps),
        fed=changed.fed,
        breaks=changed.breaks,
        withdrawn=changed.withdrawn,
        replaced=changed.replaced,
        calendar=draw(_calendars),
        plan=draw(st.none() | _steps([0.0, 50.0, 100.0])) if rule.words else None,
        lags=lags,
        models=models,
        closings=draw(_closings) if draw(st.integers(0, 2)) == 0 else (),
    )
