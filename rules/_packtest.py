"""Tests that stand in a pack beside their rule: a table of readings, and the alarms expected."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rules._duration import parse_duration
from rules._errors import RuleError, nearest
from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
from rules._log import episodes
from rules._pack import Pack
from rules._readings import DAY_ZERO, Reported, Sent, columns, read_time, standing
from rules._replay import replay, whole
from rules._rule import PackTest, Rule
from rules._telling import OPTIONAL, PARTS, alarm_lines, alarm_text
from rules._tree import Place
from rules._units import converted
from sensors._domain import Catalogue
from sensors._quality import Quality

_WORDS = ("name", "every", "until", "thresholds", "expect")
_VALUE = re.compile(r"(?P<value>-|null|[-+]?\d*\.?\d+)(?P<mark>[?^]?)(?:\*(?P<times>\d+))?")
_QUANTITY = re.compile(r"\s*([-+]?\d*\.?\d+)\s*(\S+)\s*")


@dataclass(frozen=True, kw_only=True)
class Tested:
    """One test run; no differences: it passed."""

    rule: str
    name: str
    place: Place
    differences: tuple[str, ...]


def run_tests(pack: Pack, catalogue: Catalogue) -> list[Tested]:
    """Run the tests of every rule of a pack, whole and in small cuts."""
    return [
        _run(rule, test, Place(file=pack.file, line=test.line, column=1), catalogue)
        for rule in pack.rules
        for test in rule.tests
    ]


def _run(rule: Rule, test: PackTest, place: Place, catalogue: Catalogue) -> Tested:
    try:
        differences = _differences(rule, _Table(test.body, place, catalogue))
    except RuleError as error:
        differences = [f"cannot be read: {error}"]
    return Tested(rule=rule.id, name=test.name, place=place, differences=tuple(differences))


def _differences(rule: Rule, table: "_Table") -> list[str]:
    sent, until = table.sent()
    lacking = [name for name in rule.names if name not in table.series]
    lacking += [f"threshold {name}" for name in rule.thresholds if name not in table.thresholds]
    if lacking:
        raise RuleError(table.place, f"the test gives no {', '.join(lacking)}")
    horizon = Horizon(values=until, silence=until)
    revisions = [(0, rule)]
    found = whole(revisions, table.subject(sent), horizon)
    expected, told = table.expected()
    differences: list[str] = []
    cut = replay(revisions, table.subject, sent, horizon, size=1)
    for how, moments in (("", found), ("judged one arrival at a time: ", cut)):
        alarms = episodes(rule.id, "test", moments)
        lines = [_part(line, told) for line in alarm_lines(alarms, OPTIONAL)]
        if lines != expected:
            differences.append(f"{how}expected {expected or 'nothing'}, found {lines or 'nothing'}")
    return differences


def _part(line: str, told: frozenset[str]) -> str:
    """Of an alarm's line only what the test tells."""
    words = {"since": "since", "began": "began", "ended": "ended", "lasting": "ended"}
    parts = re.split(r", (?=since|began|ended|lasting|severity|stale|reason)", line)
    return ", ".join(p for p in parts if words.get(p.split()[0], p.split()[0]) in told)


class _Table:
    """The readings and expectations of one test."""

    def __init__(self, body: Mapping[str, Any], place: Place, catalogue: Catalogue) -> None:
        self.place = place
        self._catalogue = catalogue
        self._body = body
        self.series = {name: str(text) for name, text in body.items() if name not in _WORDS}
        for name in self.series:
            if name not in catalogue.quantities:
                hint = nearest(name, (*_WORDS, *catalogue.quantities))
                raise RuleError(place, f"a test has no {name!r}{hint}")
        self._every = parse_duration(self._text("every"), place)
        self.thresholds = self._thresholds()

    def _text(self, key: str) -> str:
        if key not in self._body:
            raise RuleError(self.place, f"a test needs `{key}`")
        return str(self._body[key])

    def sent(self) -> tuple[list[Sent], int]:
        """All arrivals, and the time at which the log is read."""
        found: list[Sent] = []
        last = DAY_ZERO
        for name, text in self.series.items():
            time = DAY_ZERO
            for word in text.split():
                match = _VALUE.fullmatch(word)
                if match is None:
                    raise RuleError(
                        self.place,
                        f"{word!r} is no reading; expected a number, - (no row) or null (a row"
                        " without a value), then ? or ^, then *times",
                    )
                for _ in range(int(match["times"] or 1)):
                    if match["value"] != "-":
                        found.append(_sent(name, time, match["value"], match["mark"]))
                        last = max(last, time)
                    time += self._every
        if "until" in self._body:
            last = read_time(self._text("until"), self.place)
        return found, last

    def subject(self, sent: Sequence[Sent]) -> Subject:
        """The gauge after these arrivals; all its series are of one device."""
        columns_of = {name: self._columns(name, sent) for name in self.series}
        always = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))
        return Subject(
            key="test",
            series=columns_of,
            devices={"device": Device(commissioned=DAY_ZERO, in_service=always)},
            thresholds=self.thresholds,
        )

    def _columns(self, name: str, sent: Sequence[Sent]) -> SeriesColumns:
        quantity = self._catalogue.quantities[name]
        return columns(
            standing(one for one in sent if one.series == name),
            Reported(
                device="device",
                kind=quantity.kind,
                reporting=quantity.reporting,
                nonnegative=quantity.nonnegative,
                interval=self._every,
            ),
        )

    def _thresholds(self) -> dict[str, Steps]:
        found: dict[str, Steps] = {}
        written = self._body.get("thresholds", {})
        for name, text in written.items():
            if name not in self._catalogue.thresholds:
                hint = nearest(name, self._catalogue.thresholds)
                raise RuleError(self.place, f"unknown threshold {name!r}{hint}")
            match = _QUANTITY.fullmatch(str(text))
            if match is None:
                raise RuleError(self.place, f"{text!r} is no threshold; expected as 3.1 m")
            unit = self._catalogue.thresholds[name].unit
            scale, offset = converted(match[2], unit, self.place)
            value = float(match[1]) * scale + offset
            found[name] = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.array([value]))
        return found

    def expected(self) -> tuple[list[str], frozenset[str]]:
        """The alarms as lines, and which of their parts the test tells."""
        written = self._body.get("expect")
        if written == "nothing":
            return [], frozenset()
        if not isinstance(written, list) or not written:
            raise RuleError(self.place, "a test needs `expect`: nothing, or a list of alarms")
        told = {"began", "ended"}
        for alarm in written:
            for key in alarm:
                if key not in PARTS:
                    raise RuleError(self.place, f"an alarm has no {key!r}{nearest(key, PARTS)}")
                told.add(key)
        whole_alarms = [{"since": "", "began": "", **alarm} for alarm in written]
        lines = [alarm_text(a, OPTIONAL) for a in whole_alarms]
        return [_part(line, frozenset(told)) for line in lines], frozenset(told)


def _sent(name: str, time: int, value: str, mark: str) -> Sent:
    missing = value == "null"
    quality = Quality.SENSOR_FAULT if missing else Quality.GOOD
    if mark == "?":
        quality |= Quality.OUT_OF_RANGE
    elif mark == "^":
        quality |= Quality.SATURATED
    number = float("nan") if missing else float(value)
    return Sent(series=name, time=time, value=number, quality=int(quality), received_at=time)
