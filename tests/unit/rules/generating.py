"""Random rules and readings: gaps, suspects, saturation, late and shuffled arrival, revisions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
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
}
GROUP = {"fault": ("m1", "m2", "m3")}


@dataclass(frozen=True, kw_only=True)
class World:
    """One subject: arrivals in any order, and facts."""

    rule: Rule
    sent: tuple[Sent, ...]
    thresholds: dict[str, Steps]
    service: dict[str, Steps]
    horizon: Horizon
    key: str = "subject"

    def subject(self, sent: Sequence[Sent] | None = None) -> Subject:
        rows = self.sent if sent is None else sent
        series: dict[str, SeriesColumns] = {}
        for name, (kind, reporting, device, interval) in SERIES.items():
            series[name] = columns(
                standing(one for one in rows if one.series == name),
                Reported(
                    device=device,
                    kind=kind,
                    reporting=reporting,
                    nonnegative=kind in (Kind.INCREMENT, Kind.COUNTER),
                    interval=interval * MINUTE,
                ),
            )
        devices = {
            device: Device(commissioned=DAY_ZERO, in_service=self.service.get(device, _ONE))
            for device in ("one", "two", "three", "four")
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
def _comparison(draw: st.DrawFn, *, states: bool) -> str:
    if draw(st.integers(0, 5)) == 0:
        return "level > threshold.alert"
    if states and draw(st.booleans()):
        if draw(st.integers(0, 3)) == 0:
            return f"share(fault == 1) > {draw(st.sampled_from(['0.3', '0.6']))}"
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
def _silence(draw: st.DrawFn, *, states: bool) -> str:  # noqa: ARG001
    quiet = f"silent({draw(st.sampled_from(['level', 'rain', 'device']))}, {draw(_duration)})"
    match draw(st.integers(0, 4)):
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


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A random rule and subject."""
    rule = draw(rules())
    named = {key for name in rule.names for key in GROUP.get(name, (name,))}
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
        service=service,
        horizon=Horizon(values=until, silence=until, deaf=deaf),
    )
