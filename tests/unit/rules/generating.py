"""Random rules and readings: gaps, suspects, saturation, late and shuffled arrival, revisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from rules._inputs import Device, Horizon, Instants, SeriesColumns, Steps, Subject
from rules._read import read_rule
from rules._readings import DAY_ZERO, Reported, Sent, columns, standing
from rules._rule import Rule
from rules._vocabulary import Vocabulary
from rules._yaml import Source, as_yaml
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
    key: str = "subject"

    def subject(self, sent: Sequence[Sent] | None = None) -> Subject:
        rows = self.sent if sent is None else sent
        series: dict[str, SeriesColumns] = {}
        for name, (kind, reporting, device, interval) in SERIES.items():
            found = columns(
                standing(one for one in rows if one.series == name),
                Reported(
                    device=device,
                    kind=kind,
                    reporting=reporting,
                    nonnegative=kind in (Kind.INCREMENT, Kind.COUNTER),
                    interval=interval * MINUTE,
                ),
            )
            series[name] = replace(
                found,
                breaks=self.breaks.get(name, found.breaks),
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
        )


_ONE = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))

_value = st.sampled_from([1.0, 2.0, 2.9, 3.0, 3.1, 3.5, 4.0, 6.0])
_duration = st.sampled_from(["5 min", "10 min", "20 min", "30 min"])
_number = st.sampled_from(["0", "1", "2", "2.9", "3", "3.1", "4"])
_operator = st.sampled_from([">", ">=", "<", "<=", "=="])
_window = st.sampled_from(["sum", "mean", "min", "max", "count", "rate", "change"])


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
        f"silent(power, {span})",
        f"silent(fault, {span})",
        f"silent(power, {span}) or fault == 1",
        f"silent(fault, {span}) and last(power) > 3",
    ]
    condition = draw(st.sampled_from(quiet if silence else values + windows))
    return f"share({condition}) {draw(_operator)} {draw(st.sampled_from(['0.3', '0.5', '0.6']))}"


@st.composite
def _comparison(draw: st.DrawFn, *, states: bool) -> str:
    if draw(st.integers(0, 5)) == 0:
        return "level > threshold.alert"
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
    quiet = f"silent({draw(st.sampled_from(['level', 'rain', 'device']))}, {draw(_duration)})"
    match draw(st.integers(0, 7)):
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
    found: list[Sent] = []
    time = DAY_ZERO + 10 * MINUTE
    states = SERIES[name][0] is Kind.STATE or name.startswith("m")
    for _ in range(draw(st.integers(0, 14))):
        time += draw(st.sampled_from([1, 5, 5, 5, 5, 10, 15, 16, 30, 31, 60])) * MINUTE
        value = draw(st.sampled_from([0.0, 1.0])) if states else draw(_value)
        quality = draw(
            st.sampled_from([0] * 8 + [int(Quality.OUT_OF_RANGE), int(Quality.SATURATED)])
        )
        late = draw(st.sampled_from([0] * 6 + [2, 17, 90])) * MINUTE
        one = Sent(series=name, time=time, value=value, quality=quality, received_at=time + late)
        found.append(one)
        match draw(st.integers(0, 12)):
            case 0:
                found.append(replace(one, received_at=one.received_at + 7 * MINUTE))
            case 1:
                later = one.received_at + 7 * MINUTE
                found.append(replace(one, value=draw(_value), received_at=later))
            case 2:
                nan = float("nan")
                later = one.received_at + 7 * MINUTE
                broken = int(Quality.SENSOR_FAULT)
                found.append(replace(one, value=nan, quality=broken, received_at=later))
    return found


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


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A random rule and subject."""
    rule = draw(rules())
    named = {key for name in rule.names for key in GROUP.get(name, (name,)) if key in SERIES}
    devices = {SERIES[name][2] for name in named}
    heard = {name for name in SERIES if SERIES[name][2] in devices}
    sent = [one for name in sorted(heard) for one in draw(arrivals(name))]
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
    deaf: tuple[tuple[int, int], ...] = ()
    if draw(st.integers(0, 3)) == 0:
        begins = DAY_ZERO + draw(st.integers(0, 100)) * MINUTE
        deaf = ((begins, begins + draw(st.integers(1, 60)) * MINUTE),)
    return World(
        rule=rule,
        sent=tuple(sent),
        thresholds=thresholds,
        service=service | changed.service,
        horizon=Horizon(values=until, silence=until, deaf=deaf),
        fed=changed.fed,
        breaks=changed.breaks,
        withdrawn=changed.withdrawn,
        replaced=changed.replaced,
    )
