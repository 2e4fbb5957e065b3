"""The table of readings that a pack's test writes, as a subject that the engine judges."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rules._duration import HOUR, parse_duration
from rules._errors import RuleError, nearest
from rules._inputs import Device, SeriesColumns, Steps, Subject
from rules._readings import DAY_ZERO, Reported, Sent, columns, read_time, standing
from rules._telling import OPTIONAL, PARTS, alarm_text
from rules._tree import Place
from rules._units import converted
from sensors._domain import Catalogue
from sensors._quality import Quality

_WORDS = ("name", "every", "until", "thresholds", "members", "fed", "expect")
_VALUE = re.compile(r"(?P<value>-|null|[-+]?\d*\.?\d+)(?P<mark>[?^]?)(?:\*(?P<times>\d+))?")
_QUANTITY = re.compile(r"\s*([-+]?\d*\.?\d+)\s*(\S+)\s*")
_RANGE = re.compile(r"(\S*?)(\d+) to \1(\d+)")
_DAY = 24 * HOUR
_DAYS = 31  # of supply: no test is as long


class Table:
    """The readings and expectations of one test."""

    def __init__(self, body: Mapping[str, Any], place: Place, catalogue: Catalogue) -> None:
        self.place = place
        self._catalogue = catalogue
        self._body = body
        self.series = self._rows({k: v for k, v in body.items() if k not in _WORDS}, "a test")
        self._members = self._read_members()
        self.words = sorted({name for rows in self._members.values() for name in rows})
        self._every = parse_duration(self._text("every"), place)
        self._fed = self._supply()
        self.thresholds = self._thresholds()

    def _text(self, key: str) -> str:
        if key not in self._body:
            raise RuleError(self.place, f"a test needs `{key}`")
        return str(self._body[key])

    def sent(self) -> tuple[list[Sent], int]:
        """All arrivals, and the time at which the log is read."""
        found: list[Sent] = []
        last = DAY_ZERO
        for name, text in self._tables().items():
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
        """The subject after these arrivals: its own series are of one device, a member's of it."""
        always = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))
        own = Device(commissioned=DAY_ZERO, in_service=always, fed=self._fed)
        if self._members:
            own = replace(own, fed=None)
        member = Device(commissioned=DAY_ZERO, in_service=always, fed=self._fed)
        return Subject(
            key="test",
            series={name: self._columns(name, sent) for name in self._tables()},
            devices={"device": own, **dict.fromkeys(self._members, member)},
            thresholds=self.thresholds,
            group={word: tuple(f"{word}@{name}" for name in self._members) for word in self.words},
        )

    def _columns(self, key: str, sent: Sequence[Sent]) -> SeriesColumns:
        name, _, device = key.partition("@")
        quantity = self._catalogue.quantities[name]
        return columns(
            standing(one for one in sent if one.series == key),
            Reported(
                device=device or "device",
                kind=quantity.kind,
                reporting=quantity.reporting,
                nonnegative=quantity.nonnegative,
                interval=self._every,
            ),
        )

    def _tables(self) -> dict[str, str]:
        """The readings written, by series; those of members as <quantity>@<device>."""
        found = dict(self.series)
        for member, rows in self._members.items():
            found |= {f"{name}@{member}": text for name, text in rows.items()}
        return found

    def _rows(self, written: Mapping[str, Any], what: str) -> dict[str, str]:
        words = _WORDS if what == "a test" else ()
        for name in written:
            if name not in self._catalogue.quantities:
                hint = nearest(name, (*words, *self._catalogue.quantities))
                raise RuleError(self.place, f"{what} has no {name!r}{hint}")
        return {name: str(text) for name, text in written.items()}

    def _read_members(self) -> dict[str, dict[str, str]]:
        written = self._body.get("members", {})
        if not isinstance(written, Mapping):
            raise RuleError(self.place, "expected `members`: {lamp-1: {lamp_fault: 0 1}}")
        found: dict[str, dict[str, str]] = {}
        for names, rows in written.items():
            if not isinstance(rows, Mapping):
                raise RuleError(self.place, f"member {names!r} has no series; expected a mapping")
            for name in _named(names):
                found[name] = self._rows(rows, "a member")
        return found

    def _supply(self) -> Steps | None:
        """Fed every day in these spans of it."""
        written = self._body.get("fed")
        if written is None:
            return None
        spans = [self._span(text) for text in (written if isinstance(written, list) else [written])]
        edges = sorted({edge for span in spans for edge in span})
        days = [DAY_ZERO + day * _DAY for day in range(-1, _DAYS)]
        at = [day + edge for day in days for edge in edges]
        fed = [float(any(_within(edge, span) for span in spans)) for edge in edges] * len(days)
        return Steps(at=np.array(at, dtype=np.int64), value=np.array(fed))

    def _span(self, text: str) -> tuple[int, int]:
        begins, to, ends = str(text).partition(" to ")
        if not to:
            raise RuleError(self.place, f"{text!r} is no span; expected as 17:00 to 06:00")
        first, last = (read_time(part, self.place) - DAY_ZERO for part in (begins, ends))
        return first, last

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
        return [part_of(line, frozenset(told)) for line in lines], frozenset(told)


def _sent(name: str, time: int, value: str, mark: str) -> Sent:
    missing = value == "null"
    quality = Quality.SENSOR_FAULT if missing else Quality.GOOD
    if mark == "?":
        quality |= Quality.OUT_OF_RANGE
    elif mark == "^":
        quality |= Quality.SATURATED
    number = float("nan") if missing else float(value)
    return Sent(series=name, time=time, value=number, quality=int(quality), received_at=time)


def _named(names: str) -> list[str]:
    """`lamp-1 to lamp-9`: nine of them."""
    match = _RANGE.fullmatch(names)
    if match is None:
        return [names]
    return [f"{match[1]}{i}" for i in range(int(match[2]), int(match[3]) + 1)]


def _within(edge: int, span: tuple[int, int]) -> bool:
    begins, ends = span
    return begins <= edge < ends if begins < ends else not ends <= edge < begins


def part_of(line: str, told: frozenset[str]) -> str:
    """Of an alarm's line only what the test tells."""
    words = {"since": "since", "began": "began", "ended": "ended", "lasting": "ended"}
    parts = re.split(r", (?=since|began|ended|lasting|severity|stale|reason)", line)
    return ", ".join(p for p in parts if words.get(p.split()[0], p.split()[0]) in told)
