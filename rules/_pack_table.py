"""The table of readings that a pack's test writes, as a subject that the engine judges."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from rules._bounds import MEMBERS, READINGS, bounded_size, read_number
from rules._duration import HOUR, parse_duration
from rules._errors import RuleError
from rules._inputs import Calendar, Device, Forecasts, Steps, Subject
from rules._log import OPTIONAL, PARTS, alarm_text
from rules._pack_reader import Above, Reader
from rules._readings import DAY_ZERO, Sent, read_time
from rules._written_forecast import read_given
from sensors._domain import Catalogue
from sensors._errors import Place
from sensors._nearest import did_you_mean
from sensors._quality import Quality
from sensors._scalars import LONGEST

_WORDS = (
    *("name", "every", "until", "day", "thresholds", "members", "fed", "planned", "upstream"),
    *("forecast", "expect"),
)
_SITE = Calendar(zone="UTC", lon=2.44, lat=48.63)  # Évry's sun, and the table's own clock
_VALUE = re.compile(
    r"(?P<value>-|null|[-+]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++))(?P<mark>[?^]?)(?:\*(?P<times>[0-9]{1,5}))?"
)
_RANGE = re.compile(r"(\S*?)([0-9]{1,6}) to \1([0-9]{1,6})")
_DAY = 24 * HOUR
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_DAYS = 31  # of supply: no test is as long


class Table:
    """The readings and expectations of one test."""

    def __init__(self, body: Mapping[str, Any], place: Place, catalogue: Catalogue) -> None:
        self.place = place
        self._body = body
        self._origin = self._day()
        self._reader = Reader(place=place, catalogue=catalogue, origin=self._origin)
        series = {key: text for key, text in body.items() if key not in _WORDS}
        self.series = self._reader.rows(series, "a test", _WORDS)
        self._members = self._read_members()
        self.words = sorted({name for rows in self._members.values() for name in rows})
        self._every = parse_duration(self._text("every"), place)
        if self._every == 0:
            raise RuleError(place, "`every` needs a duration above zero")
        self._fed = self._daily("fed")
        self._planned = self._daily("planned", level=100.0)
        self._above = {
            site: Above(self._reader, site, rows)
            for site, rows in self._mapping("upstream").items()
        }
        self.thresholds = self._reader.limits(self._body.get("thresholds", {}))
        self.forecasts = self._read_forecasts()

    def _text(self, key: str) -> str:
        if key not in self._body:
            raise RuleError(self.place, "a test needs `{key}`", key)
        return str(self._body[key])

    def sent(self) -> tuple[list[Sent], int]:
        """All arrivals, and the time at which the log is read."""
        messages: list[Sent] = []
        last = self._origin
        for name, text in self._tables().items():
            time = self._origin
            for word in text.split():
                match = _VALUE.fullmatch(word)
                if match is None:
                    raise RuleError(
                        self.place,
                        "{word!r} is not a reading; expected a number, - (no row) or null (a row "
                        "without a value), then ? or ^, then *times",
                        word,
                    )
                for _ in range(int(match["times"] or 1)):
                    if match["value"] != "-":
                        messages.append(self._sent(name, time, match["value"], match["mark"]))
                        last = max(last, time)
                    time += self._every
                bounded_size(messages, READINGS, "readings of one test", self.place)
                if time - self._origin > LONGEST:
                    raise RuleError(self.place, "a test lasts at most 366 d")
        if "until" in self._body:
            last = read_time(self._text("until"), self.place) + self.shift
        return messages, last

    def _sent(self, name: str, time: int, value: str, mark: str) -> Sent:
        missing = value == "null"
        quality = Quality.SENSOR_FAULT if missing else Quality.GOOD
        if mark == "?":
            quality |= Quality.OUT_OF_RANGE
        elif mark == "^":
            quality |= Quality.SATURATED
        number = float("nan") if missing else read_number(value, self.place)
        return Sent(series=name, time=time, value=number, quality=int(quality), received_at=time)

    def subject(self, sent: Sequence[Sent]) -> Subject:
        """The subject after these arrivals: its own series are of one device, a member's of it."""
        always = Steps.of([(self._origin, 1.0)])
        own = Device(commissioned=self._origin, in_service=always, fed=self._fed)
        if self._members:
            own = replace(own, fed=None)
        member = Device(commissioned=self._origin, in_service=always, fed=self._fed)
        return Subject(
            key="test",
            series={
                name: self._reader.columns(name, sent, self._every)
                for name in self._tables()
                if name.partition("@")[2] not in self._above
            },
            devices={"device": own, **dict.fromkeys(self._members, member)},
            thresholds=self.thresholds,
            group={word: tuple(f"{word}@{name}" for name in self._members) for word in self.words},
            calendar=_SITE,
            plan=self._planned,
            upstream=tuple(
                above.upstream(sent, own, self._every) for above in self._above.values()
            ),
            forecasts=self.forecasts,
        )

    @property
    def upstream_words(self) -> set[str]:
        """The series that it gives of sites upstream."""
        return {name for above in self._above.values() for name in above.rows}

    @property
    def is_planned(self) -> bool:
        """Whether it says when lamps are planned to burn."""
        return self._planned is not None

    @property
    def shift(self) -> int:
        """How far (µs) its day is from the usual one."""
        return self._origin - DAY_ZERO

    def _day(self) -> int:
        if "day" not in self._body:
            return DAY_ZERO
        try:
            day = date.fromisoformat(self._text("day"))
        except ValueError as error:
            raise RuleError(
                self.place, "{error}; expected a day such as 2024-07-14", error
            ) from error
        if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise RuleError(
                self.place,
                "{day}: expected a day of {first_year} to {last_year}",
                day,
                _FIRST_YEAR,
                _LAST_YEAR,
            )
        return (day.toordinal() - date(1970, 1, 1).toordinal()) * _DAY

    def _mapping(self, key: str) -> Mapping[str, Any]:
        written = self._body.get(key, {})
        if not isinstance(written, Mapping) or not all(
            isinstance(rows, Mapping) for rows in written.values()
        ):
            raise RuleError(self.place, "expected `{key}`: a mapping of mappings", key)
        return written

    def _read_forecasts(self) -> dict[str, Forecasts]:
        """By series of its own."""
        written = self._mapping("forecast")
        self._reader.rows(written, "a forecast", tuple(self.series))
        forecasts: dict[str, Forecasts] = {}
        for name, rows in written.items():
            texts = {horizon: str(text) for horizon, text in rows.items()}
            given = read_given(name, texts, self._origin, self._every, self.place)
            forecasts[name] = Forecasts(revisions=((self._origin, given),))
        return forecasts

    def _tables(self) -> dict[str, str]:
        """The readings written, by series; those of members as <quantity>@<device>."""
        tables = dict(self.series)
        for member, rows in self._members.items():
            tables |= {f"{name}@{member}": text for name, text in rows.items()}
        for above in self._above.values():
            tables |= {f"{name}@{above.site}": text for name, text in above.rows.items()}
        return tables

    def _read_members(self) -> dict[str, dict[str, str]]:
        written = self._body.get("members", {})
        if not isinstance(written, Mapping):
            raise RuleError(self.place, "expected `members`: {lamp-1: {lamp_fault: 0 1}}")
        members: dict[str, dict[str, str]] = {}
        for names, rows in written.items():
            if not isinstance(rows, Mapping):
                raise RuleError(
                    self.place, "member {name!r} has no series; expected a mapping", names
                )
            for name in self._named(names):
                members[name] = self._reader.rows(rows, "a member")
                bounded_size(members, MEMBERS, "members of one test", self.place)
        return members

    def _named(self, names: str) -> list[str]:
        """`lamp-1 to lamp-9`: nine of them."""
        match = _RANGE.fullmatch(names)
        if match is None:
            return [names]
        numbers = range(int(match[2]), int(match[3]) + 1)
        bounded_size(numbers, MEMBERS, "members of one test", self.place)
        return [f"{match[1]}{number}" for number in numbers]

    def _daily(self, key: str, *, level: float = 1.0) -> Steps | None:
        """A level every day in these spans of it, else nothing."""
        written = self._body.get(key)
        if written is None:
            return None
        spans = [self._span(text) for text in (written if isinstance(written, list) else [written])]
        edges = sorted({edge for span in spans for edge in span})
        on = [level * any(_within(edge, span) for span in spans) for edge in edges]
        days = [self._origin + day * _DAY for day in range(-1, _DAYS)]
        return Steps.of(
            (day + edge, value) for day in days for edge, value in zip(edges, on, strict=True)
        )

    def _span(self, text: str) -> tuple[int, int]:
        begins, to, ends = str(text).partition(" to ")
        if not to:
            raise RuleError(
                self.place, "{text!r} is not a time span; expected one such as 17:00 to 06:00", text
            )
        first, last = (read_time(part, self.place) - DAY_ZERO for part in (begins, ends))
        return first, last

    def expected(self) -> tuple[list[str], frozenset[str]]:
        """The alarms as lines, and which of their parts the test tells."""
        written = self._body.get("expect")
        if written == "nothing":
            return [], frozenset({"began", "ended"})
        if not isinstance(written, list) or not written:
            raise RuleError(self.place, "a test needs `expect`: nothing, or a list of alarms")
        parts = {"began", "ended"}
        for alarm in written:
            for key in alarm:
                if key not in PARTS:
                    raise RuleError(
                        self.place, "an alarm has no {key!r}{hint}", key, did_you_mean(key, PARTS)
                    )
                parts.add(key)
        whole_alarms = [{"since": "", "began": "", **alarm} for alarm in written]
        lines = [alarm_text(a, OPTIONAL) for a in whole_alarms]
        return [part_of(line, frozenset(parts)) for line in lines], frozenset(parts)


def _within(edge: int, span: tuple[int, int]) -> bool:
    begins, ends = span
    return begins <= edge < ends if begins < ends else not ends <= edge < begins


def part_of(line: str, compared: frozenset[str]) -> str:
    """Of an alarm's line only what the test tells."""
    words = {"since": "since", "began": "began", "ended": "ended", "lasting": "ended"}
    parts = re.split(r", (?=since|began|ended|lasting|severity|stale|reason)", line)
    return ", ".join(p for p in parts if words.get(p.split()[0], p.split()[0]) in compared)
