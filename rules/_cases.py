"""Worked cases: readings and a rule in, the alarm log out. Read from YAML, run, compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import yaml

from rules._duration import SECOND, parse_duration
from rules._errors import RuleError, WaitingError, nearest
from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
from rules._journal import Episode
from rules._log import episodes
from rules._read import read_rule
from rules._readings import (
    DAY_ZERO,
    Sent,
    columns,
    read_readings,
    read_time,
    standing,
)
from rules._replay import replay, whole
from rules._rule import Rule
from rules._telling import OPTIONAL, alarm_lines, alarm_text
from rules._tree import Call, Name, walk
from rules._vocabulary import Vocabulary
from rules._yaml import Source
from sensors._quantity import Kind, Reporting

_CASE = (
    *("name", "why", "rule", "revisions", "readings", "log", "interval", "until", "deaf"),
    *("commissioned", "report", "kinds", "devices", "group", "thresholds", "service"),
)
_SUBJECT = "case"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one case: passed, or what differs, or what it waits for."""

    name: str
    line: int
    differences: tuple[str, ...] = ()
    waiting: str | None = None

    @property
    def passed(self) -> bool:
        return not self.differences and self.waiting is None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case, read. `expected` are the lines of its log."""

    name: str
    revisions: tuple[tuple[int, Rule | None], ...]
    sent: tuple[Sent, ...]
    frame: "Frame"
    horizon: Horizon
    expected: tuple[str, ...]
    told: frozenset[str]  # which parts of an alarm its log tells


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a case says of its subject, all but the readings."""

    devices: Mapping[str, str]  # series -> device
    kinds: Mapping[str, Kind]
    reporting: Mapping[str, Reporting]
    intervals: Mapping[str, int]
    commissioned: int
    service: Mapping[str, Steps]
    thresholds: Mapping[str, Steps]
    group: Mapping[str, tuple[str, ...]]

    def subject(self, sent: Iterable[Sent]) -> Subject:
        """The subject with what a store holds after these arrivals."""
        by_series: dict[str, list[Sent]] = {name: [] for name in self.devices}
        for one in sent:
            by_series[one.series].append(one)
        return Subject(
            key=_SUBJECT,
            series={name: self._columns(name, rows) for name, rows in by_series.items()},
            devices={
                device: Device(
                    commissioned=self.commissioned, in_service=self.service.get(device, _ALWAYS)
                )
                for device in self.devices.values()
            },
            thresholds=self.thresholds,
            group=self.group,
        )

    def _columns(self, name: str, sent: Iterable[Sent]) -> SeriesColumns:
        kind = self.kinds[name]
        return columns(
            standing(sent),
            device=self.devices[name],
            kind=kind,
            reporting=self.reporting[name],
            nonnegative=kind in (Kind.INCREMENT, Kind.COUNTER),
            interval=self.intervals[name],
        )


_ALWAYS = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))


def run_cases(text: str, *, file: str, words: Vocabulary) -> list[Outcome]:
    """Run every case of a file, whole and in small cuts by order of arrival.

    Raises:
        RuleError: the file is no list of cases.
    """
    source = Source(file)
    found: list[Outcome] = []
    for node in source.sequence(source.compose(text), "a list of cases"):
        parts = source.mapping(node, "a case")
        name = source.text(parts["name"], "a name") if "name" in parts else "(without a name)"
        line = source.place(node).line
        found.append(_outcome(node, source, words, name, line))
    return found


def _outcome(node: yaml.Node, source: Source, words: Vocabulary, name: str, line: int) -> Outcome:
    try:
        case = read_case(node, source, words)
    except WaitingError as error:
        return Outcome(name=name, line=line, waiting=str(error))
    except RuleError as error:
        return Outcome(name=name, line=line, differences=(f"cannot be read: {error}",))
    return Outcome(name=name, line=line, differences=tuple(run_case(case)))


def run_case(case: Case) -> list[str]:
    """What differs from the case's log, whole and incrementally; nothing when it passes."""
    subject = case.frame.subject(case.sent)
    rule = case.revisions[0][1]
    rule_id = rule.id if rule else ""
    found = episodes(rule_id, subject, whole(case.revisions, subject, case.horizon))
    differences = _compare(case, found, "")
    for size in (1, 3):
        moments = replay(case.revisions, case.frame.subject, case.sent, case.horizon, size=size)
        cut = episodes(rule_id, subject, moments)
        if cut != found:
            how = f"judged {size} arrivals at a time: "
            other = [f"{how}{alarm_lines(cut, OPTIONAL)} is not {alarm_lines(found, OPTIONAL)}"]
            differences += _compare(case, cut, how) or other
    return differences


def _compare(case: Case, found: list[Episode], how: str) -> list[str]:
    lines = alarm_lines(found, case.told)
    if lines == list(case.expected):
        return []
    missing = [f"{how}expected {line}" for line in case.expected if line not in lines]
    extra = [f"{how}found    {line}" for line in lines if line not in case.expected]
    return (missing + extra) or [f"{how}the order differs: {lines}"]


def read_case(node: yaml.Node, source: Source, words: Vocabulary) -> Case:
    """Read one case.

    Raises:
        RuleError: it is not understood.
        WaitingError: its rule uses a word, or it a key, that does not exist yet.
    """
    parts = source.mapping(node, "a case")
    for key, value in parts.items():
        if key not in _CASE:
            hint = nearest(key, _CASE)
            raise WaitingError(source.place(value), f"cases have no key {key!r} yet{hint}")
    return _CaseReader(source, words, parts).case(source.place(node).line)


class _CaseReader:
    """Reads the parts of one case."""

    def __init__(self, source: Source, words: Vocabulary, parts: dict[str, yaml.Node]) -> None:
        self._source = source
        self._words = words
        self._parts = parts

    def case(self, line: int) -> Case:
        revisions = self._revisions(line)
        sent = self._sent()
        horizon = self._horizon(sent)
        return Case(
            name=self._text("name", ""),
            revisions=revisions,
            sent=tuple(sent),
            frame=self._frame(revisions, horizon),
            horizon=horizon,
            expected=tuple(self._expected()),
            told=self._told(),
        )

    def _text(self, key: str, default: str) -> str:
        return self._source.text(self._parts[key], key) if key in self._parts else default

    def _time(self, node: yaml.Node) -> int:
        return read_time(self._source.text(node, "a time"), self._source.place(node))

    def _mapping(self, key: str) -> dict[str, yaml.Node]:
        return self._source.mapping(self._parts[key], key) if key in self._parts else {}

    def _sequence(self, key: str) -> list[yaml.Node]:
        return self._source.sequence(self._parts[key], key) if key in self._parts else []

    def _revisions(self, line: int) -> tuple[tuple[int, Rule | None], ...]:
        found: list[tuple[int, Rule | None]] = []
        if "rule" in self._parts:
            found.append((0, self._rule(self._parts["rule"])))
        for node in self._sequence("revisions"):
            when, rule = self._source.sequence(node, "a time and a rule")
            withdrawn = isinstance(rule, yaml.ScalarNode) and rule.value == "withdrawn"
            found.append((self._time(when), None if withdrawn else self._rule(rule)))
        if not found:
            place = self._source.place(next(iter(self._parts.values())))
            raise RuleError(place, f"the case of line {line} has no rule")
        return tuple(found)

    def _rule(self, node: yaml.Node) -> Rule:
        return read_rule(node, self._source, self._words, domain="")

    def _sent(self) -> list[Sent]:
        found: list[Sent] = []
        for name, node in self._mapping("readings").items():
            text = self._source.text(node, "readings")
            found += read_readings(name, text, self._source.place(node))
        return found

    def _horizon(self, sent: list[Sent]) -> Horizon:
        deaf = tuple(
            (self._time(begins), self._time(ends))
            for begins, ends in (
                self._source.sequence(span, "a span") for span in self._sequence("deaf")
            )
        )
        if "until" in self._parts:
            until = self._time(self._parts["until"])
            return Horizon(values=until, silence=until, deaf=deaf)
        last = max((one.time for one in sent), default=DAY_ZERO)
        arrived = max((one.received_at for one in sent), default=DAY_ZERO)
        return Horizon(values=last, silence=max(last, arrived), deaf=deaf)

    def _frame(self, revisions: tuple[tuple[int, Rule | None], ...], horizon: Horizon) -> Frame:
        devices = dict.fromkeys(self._mapping("readings"), "device")
        for rank, node in enumerate(self._sequence("devices")):
            for name in self._source.sequence(node, "the series of a device"):
                devices[self._source.text(name, "a series")] = f"device {rank + 1}"
        group = {
            word: tuple(
                self._source.text(n, "a member") for n in self._source.sequence(node, "members")
            )
            for word, node in self._mapping("group").items()
        }
        for _, rule in revisions:
            for word in rule.names if rule else ():
                for member in group.get(word, (word,)):
                    devices.setdefault(member, "device")
        reporting = self._reporting(devices)
        commissioned = horizon.silence
        if "commissioned" in self._parts:
            commissioned = self._time(self._parts["commissioned"])
        return Frame(
            devices=devices,
            kinds=self._kinds(devices, reporting, revisions, group),
            reporting=reporting,
            intervals=self._intervals(devices),
            commissioned=commissioned,
            service={name: self._steps(node) for name, node in self._mapping("service").items()},
            thresholds={
                name: self._steps(node) for name, node in self._mapping("thresholds").items()
            },
            group=group,
        )

    def _reporting(self, names: Iterable[str]) -> dict[str, Reporting]:
        found = dict.fromkeys(names, Reporting.PERIODIC)
        for name, node in self._mapping("report").items():
            found[name] = Reporting(self._source.text(node, "periodic or on_change"))
        return found

    def _kinds(
        self,
        names: Iterable[str],
        reporting: Mapping[str, Reporting],
        revisions: tuple[tuple[int, Rule | None], ...],
        group: Mapping[str, tuple[str, ...]],
    ) -> dict[str, Kind]:
        """Kinds as `kinds:` says; else a sum is of increments, an increase of a counter, and what
        is sent on change a state.
        """  # noqa: D205  one sentence
        found = {
            name: Kind.STATE if reporting[name] is Reporting.ON_CHANGE else Kind.GAUGE
            for name in names
        }
        for _, rule in revisions:
            for call in _calls(rule):
                kind = {"sum": Kind.INCREMENT, "increase": Kind.COUNTER}.get(call.function)
                series = call.arguments[0]
                if kind is not None and isinstance(series, Name):
                    for name in group.get(series.name, (series.name,)):
                        found[name] = kind
        for name, node in self._mapping("kinds").items():
            text = self._source.text(node, "a kind")
            if text not in tuple(Kind):
                hint = nearest(text, tuple(Kind))
                raise RuleError(self._source.place(node), f"unknown kind {text!r}{hint}")
            found[name] = Kind(text)
        return found

    def _intervals(self, names: Iterable[str]) -> dict[str, int]:
        found = dict.fromkeys(names, 300 * SECOND)
        node = self._parts.get("interval")
        if isinstance(node, yaml.MappingNode):
            for name, value in self._mapping("interval").items():
                found[name] = self._duration(value)
        elif node is not None:
            found = dict.fromkeys(names, self._duration(node))
        return found

    def _duration(self, node: yaml.Node) -> int:
        return parse_duration(self._source.text(node, "a duration"), self._source.place(node))

    def _steps(self, node: yaml.Node) -> Steps:
        if isinstance(node, yaml.ScalarNode):
            return Steps(at=_ALWAYS.at, value=np.array([float(node.value)]))
        pairs = [self._source.sequence(p, "a pair") for p in self._source.sequence(node, "steps")]
        return Steps(
            at=np.array([self._time(when) for when, _ in pairs], dtype=np.int64),
            value=np.array([_number(self._source.text(v, "a value")) for _, v in pairs]),
        )

    def _expected(self) -> list[str]:
        told = self._told()
        return [alarm_text(self._source.plain(node), told) for node in self._sequence("log")]

    def _told(self) -> frozenset[str]:
        alarms = [self._source.plain(node) for node in self._sequence("log")]
        return frozenset(key for key in OPTIONAL if any(key in alarm for alarm in alarms))


def _calls(rule: Rule | None) -> list[Call]:
    conditions = rule.conditions if rule else ()
    return [node for c in conditions for node in walk(c) if isinstance(node, Call)]


def _number(text: str) -> float:
    return float("nan") if text in ("null", "withdrawn") else float(text)
