"""Worked cases out of their YAML: see the help of `hypervisor rules cases` for what is written."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import yaml

from rules._case import ALWAYS, Case, Frame
from rules._duration import SECOND, parse_duration
from rules._errors import RuleError, WaitingError, nearest
from rules._inputs import Horizon, Steps
from rules._read import RULE_KEYS, read_rule
from rules._readings import DAY_ZERO, Sent, read_readings, read_time
from rules._rule import Rule
from rules._telling import OPTIONAL, PARTS, alarm_text
from rules._tree import Call, Name, walk
from rules._vocabulary import Vocabulary
from rules._yaml import Source
from sensors._quantity import Kind, Reporting

_USUAL_INTERVAL = 300 * SECOND
_CASE = (
    *("name", "why", "rule", "revisions", "readings", "log", "interval", "until", "deaf"),
    *("commissioned", "report", "kinds", "devices", "group", "thresholds", "service"),
)


def read_case(node: yaml.Node, source: Source, words: Vocabulary) -> Case:
    """Read one case.

    Raises:
        RuleError: it is not understood.
        WaitingError: its rule uses a word, or it a key, that does not exist yet.
    """
    _known(source, node, "a case", _CASE)
    parts = source.mapping(node, "a case")
    return _CaseReader(source, words, parts).case(source.place(node).line)


def _known(source: Source, node: yaml.Node, what: str, keys: Sequence[str]) -> None:
    """Let what later issues may write wait, rather than fail."""
    for key, value in source.mapping(node, what).items():
        if key not in keys:
            hint = nearest(key, keys)
            raise WaitingError(source.place(value), f"{what} has no {key!r} yet{hint}")


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

    def _pairs(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        """A list of two things each."""
        found: list[tuple[yaml.Node, yaml.Node]] = []
        for pair in self._source.sequence(node, "a list of pairs"):
            both = self._source.sequence(pair, "a pair")
            if len(both) != 2:
                raise RuleError(self._source.place(pair), f"expected a pair, found {len(both)}")
            found.append((both[0], both[1]))
        return found

    def _revisions(self, line: int) -> tuple[tuple[int, Rule | None], ...]:
        found: list[tuple[int, Rule | None]] = []
        if "rule" in self._parts:
            found.append((0, self._rule(self._parts["rule"])))
        for when, rule in (
            self._pairs(self._parts["revisions"]) if "revisions" in self._parts else ()
        ):
            withdrawn = isinstance(rule, yaml.ScalarNode) and rule.value == "withdrawn"
            found.append((self._time(when), None if withdrawn else self._rule(rule)))
        if not found:
            place = self._source.place(next(iter(self._parts.values())))
            raise RuleError(place, f"the case of line {line} has no rule")
        return tuple(found)

    def _rule(self, node: yaml.Node) -> Rule:
        _known(self._source, node, "a rule", RULE_KEYS)
        return read_rule(node, self._source, self._words, domain="")

    def _sent(self) -> list[Sent]:
        found: list[Sent] = []
        for name, node in self._mapping("readings").items():
            text = self._source.text(node, "readings")
            found += read_readings(name, text, self._source.place(node))
        return found

    def _horizon(self, sent: list[Sent]) -> Horizon:
        spans = self._pairs(self._parts["deaf"]) if "deaf" in self._parts else []
        deaf = tuple((self._time(begins), self._time(ends)) for begins, ends in spans)
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
            found[name] = Reporting(self._word(node, tuple(Reporting)))
        return found

    def _kinds(
        self,
        names: Iterable[str],
        reporting: Mapping[str, Reporting],
        revisions: tuple[tuple[int, Rule | None], ...],
        group: Mapping[str, tuple[str, ...]],
    ) -> dict[str, Kind]:
        """Kinds as `kinds:` says.

        Else a sum is of increments, an increase of a counter, what is sent on change a state.
        """
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
            found[name] = Kind(self._word(node, tuple(Kind)))
        return found

    def _word(self, node: yaml.Node, known: Sequence[str]) -> str:
        text = self._source.text(node, f"one of {', '.join(known)}")
        if text not in known:
            raise RuleError(
                self._source.place(node), f"unknown word {text!r}{nearest(text, known)}"
            )
        return text

    def _intervals(self, names: Iterable[str]) -> dict[str, int]:
        found = dict.fromkeys(names, _USUAL_INTERVAL)
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
            return Steps(at=ALWAYS.at, value=np.array([self._number(node)]))
        pairs = self._pairs(node)
        return Steps(
            at=np.array([self._time(when) for when, _ in pairs], dtype=np.int64),
            value=np.array([self._number(value) for _, value in pairs]),
        )

    def _number(self, node: yaml.Node) -> float:
        text = self._source.text(node, "a number")
        if text in ("null", "withdrawn"):
            return float("nan")
        try:
            return float(text)
        except ValueError as error:
            raise RuleError(self._source.place(node), f"{text!r} is no number") from error

    def _expected(self) -> list[str]:
        told = self._told()
        found: list[str] = []
        for node in self._sequence("log"):
            _known(self._source, node, "an alarm", PARTS)
            parts = self._source.mapping(node, "an alarm")
            for needed in ("since", "began"):
                if needed not in parts:
                    raise RuleError(self._source.place(node), f"an alarm needs `{needed}`")
            found.append(alarm_text(self._source.plain(node), told))
        return found

    def _told(self) -> frozenset[str]:
        alarms = [self._source.plain(node) for node in self._sequence("log")]
        return frozenset(key for key in OPTIONAL if any(key in alarm for alarm in alarms))


def _calls(rule: Rule | None) -> list[Call]:
    conditions = rule.conditions if rule else ()
    return [node for c in conditions for node in walk(c) if isinstance(node, Call)]
