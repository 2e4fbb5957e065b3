"""Worked cases out of their YAML: see the help of `hypervisor rules cases` for what is written."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import yaml

from rules._case import ANY_DEVICE, AT, SUBJECT, Above, Case, Frame
from rules._case_parts import CaseParts
from rules._duration import HOUR, SECOND, parse_duration
from rules._errors import RuleError, WaitingError
from rules._forecast import ForecastModel
from rules._inputs import Calendar, Closing, Forecasts, Horizon, Instants, Steps
from rules._log import OPTIONAL, PARTS, alarm_text
from rules._read import RULE_KEYS, read_rule
from rules._readings import DAY_ZERO, Sent, read_readings
from rules._rule import Rule
from rules._tree import Call, Name, walk
from rules._vocabulary import Vocabulary
from rules._written_forecast import WrittenModel
from rules._yaml import Source
from sensors._nearest import did_you_mean
from sensors._quantity import Kind, Reporting

USUAL = Calendar(zone="Europe/Paris", lon=2.44, lat=48.63)  # Évry
_UPSTREAM = ("lag", "thresholds")


def read_calendar(parts: CaseParts) -> Calendar:
    """`calendar: {zone: Europe/Paris, lon: 2.44, lat: 48.63}`, which is the usual one."""
    if "calendar" not in parts.parts:
        return USUAL
    calendar = parts.source.mapping(parts.parts["calendar"], "calendar", ("zone", "lon", "lat"))
    return Calendar(
        zone=parts.source.text(calendar["zone"], "a zone") if "zone" in calendar else USUAL.zone,
        lon=parts.number(calendar["lon"]) if "lon" in calendar else USUAL.lon,
        lat=parts.number(calendar["lat"]) if "lat" in calendar else USUAL.lat,
    )


def read_upstream(parts: CaseParts) -> dict[str, Above]:
    """`upstream: {mill: {lag: 2 h, thresholds: {alert: 2}}}`; the lag may be pairs, as a fact."""
    sites: dict[str, Above] = {}
    for site, node in parts.mapping("upstream").items():
        own = parts.source.mapping(node, f"site {site}", _UPSTREAM)
        if "lag" not in own:
            raise RuleError(
                parts.source.place(node), "site {site} needs a `lag`, such as 2 h", site
            )
        thresholds: dict[str, Steps] = {}
        if "thresholds" in own:
            written = parts.source.mapping(own["thresholds"], "thresholds")
            thresholds = {name: parts.steps(value) for name, value in written.items()}
        sites[site] = Above(lag=parts.spans(own["lag"]), thresholds=thresholds)
    return sites


def read_closings(parts: CaseParts) -> tuple[Closing, ...]:
    """`closed: [["00:20", martin]]`: when, and by whom."""
    if "closed" not in parts.parts:
        return ()
    return tuple(
        Closing(at=parts.time(at), reason=f"closed by {parts.source.text(who, 'an author')}")
        for at, who in parts.pairs(parts.parts["closed"])
    )


def read_forecasts(parts: CaseParts) -> dict[str, Forecasts]:
    """`forecasts: {level: {1 h: {"change(level, 30 min)": 2}, spread: 0.2}}`: a linear model.

    It adds so many times each term to the value; `spread` is half of the range that holds 90 %,
    `hold` how long a reading counts (1 h). Pairs of a time and a model, as of a fact, revise it.
    """
    forecasts: dict[str, Forecasts] = {}
    for name, node in parts.mapping("forecasts").items():
        if isinstance(node, yaml.MappingNode):
            revisions = [(DAY_ZERO, _model(parts, name, node))]
        else:
            revisions = [
                (parts.time(when), _model(parts, name, model)) for when, model in parts.pairs(node)
            ]
        forecasts[name] = Forecasts(revisions=tuple(revisions))
    return forecasts


def _model(parts: CaseParts, name: str, node: yaml.Node) -> ForecastModel | None:
    if isinstance(node, yaml.ScalarNode) and node.value == "withdrawn":
        return None
    written = parts.source.mapping(node, "a model")
    spread, hold = written.pop("spread", None), written.pop("hold", None)
    terms: dict[int, dict[str, float]] = {}
    for horizon, own in written.items():
        span = parse_duration(horizon, parts.source.place(own))
        listed = parts.source.mapping(own, "the terms of a horizon")
        terms[span] = {term: parts.number(value) for term, value in listed.items()}
    model = WrittenModel(
        series=name,
        terms=terms,
        spread=0.0 if spread is None else parts.number(spread),
        hold=HOUR if hold is None else parts.duration(hold),
    )
    return model.model(SUBJECT, parts.source.place(node))


_USUAL_INTERVAL = 300 * SECOND
_CASE = (
    *("name", "why", "rule", "revisions", "readings", "log", "interval", "until", "deaf"),
    *("commissioned", "report", "kinds", "devices", "group", "thresholds", "service"),
    *("fed", "breaks", "withdrawn", "earlier", "calendar", "plan", "upstream", "closed"),
    "forecasts",
)


def read_case(node: yaml.Node, source: Source, words: Vocabulary) -> Case:
    """Read one case.

    Raises:
        RuleError: it is not understood.
        WaitingError: its rule uses a word, or it a key, that does not exist yet.
    """
    _check_keys(source, node, "a case", _CASE)
    parts = source.mapping(node, "a case")
    return _CaseReader(source, words, parts).case(source.place(node).line)


def _check_keys(source: Source, node: yaml.Node, what: str, keys: Sequence[str]) -> None:
    """Let what later issues may write wait, rather than fail."""
    for key, value in source.mapping(node, what).items():
        if key not in keys:
            hint = did_you_mean(key, keys)
            raise WaitingError(
                source.place(value), "{what} has no {key!r} yet{hint}", what, key, hint
            )


class _CaseReader(CaseParts):
    """Reads the parts of one case."""

    def __init__(self, source: Source, words: Vocabulary, parts: dict[str, yaml.Node]) -> None:
        super().__init__(source, parts)
        self.words = words

    def case(self, line: int) -> Case:
        revisions = self._revisions(line)
        sent = self._sent()
        horizon = self._horizon(sent)
        return Case(
            name=self.text("name", ""),
            revisions=revisions,
            sent=tuple(sent),
            frame=self._frame(revisions, horizon),
            horizon=horizon,
            closings=read_closings(self),
            expected=tuple(self._expected()),
            compared=self._compared_parts(),
        )

    def _revisions(self, line: int) -> tuple[tuple[int, Rule | None], ...]:
        revisions: list[tuple[int, Rule | None]] = []
        if "rule" in self.parts:
            revisions.append((0, self._rule(self.parts["rule"])))
        for when, rule in self.pairs(self.parts["revisions"]) if "revisions" in self.parts else ():
            withdrawn = isinstance(rule, yaml.ScalarNode) and rule.value == "withdrawn"
            revisions.append((self.time(when), None if withdrawn else self._rule(rule)))
        if not revisions:
            place = self.source.place(next(iter(self.parts.values())))
            raise RuleError(place, "the case of line {line} has no rule", line)
        return tuple(revisions)

    def _rule(self, node: yaml.Node) -> Rule:
        _check_keys(self.source, node, "a rule", RULE_KEYS)
        return read_rule(node, self.source, self.words, domain="")

    def _sent(self) -> list[Sent]:
        messages: list[Sent] = []
        for name, node in self.mapping("readings").items():
            text = self.source.text(node, "readings")
            messages += read_readings(name, text, self.source.place(node))
        return messages

    def _horizon(self, sent: list[Sent]) -> Horizon:
        spans = self.pairs(self.parts["deaf"]) if "deaf" in self.parts else []
        gaps = tuple((self.time(begins), self.time(ends)) for begins, ends in spans)
        if "until" in self.parts:
            until = self.time(self.parts["until"])
            return Horizon(values=until, silence=until, gaps=gaps)
        last = max((reading.time for reading in sent), default=DAY_ZERO)
        arrived = max((reading.received_at for reading in sent), default=DAY_ZERO)
        return Horizon(values=last, silence=max(last, arrived), gaps=gaps)

    def _frame(self, revisions: tuple[tuple[int, Rule | None], ...], horizon: Horizon) -> Frame:
        upstream = read_upstream(self)
        devices = {
            name: name.partition(AT)[2] if name.partition(AT)[2] in upstream else "device"
            for name in self.mapping("readings")
        }
        for rank, node in enumerate(self.sequence("devices")):
            for name in self.source.sequence(node, "the series of a device"):
                devices[self.source.text(name, "a series")] = f"device {rank + 1}"
        group = {
            word: tuple(
                self.source.text(n, "a member") for n in self.source.sequence(node, "members")
            )
            for word, node in self.mapping("group").items()
        }
        for _, rule in revisions:
            for word in rule.names if rule else ():
                for member in group.get(word, (word,)):
                    devices.setdefault(member, "device")
        reporting = self._reporting(devices)
        return Frame(
            devices=devices,
            kinds=self._kinds(devices, reporting, revisions, group),
            reporting=reporting,
            intervals=self._intervals(devices),
            commissioned=self._commissioned(horizon.silence),
            service=self.facts("service"),
            thresholds=self.facts("thresholds"),
            group=group,
            fed=self.facts("fed"),
            withdrawn=self.facts("withdrawn"),
            breaks=self._breaks(),
            earlier=self._earlier(),
            calendar=read_calendar(self),
            plan=self.steps(self.parts["plan"]) if "plan" in self.parts else None,
            upstream=upstream,
            forecasts=read_forecasts(self),
        )

    def _commissioned(self, unless_told: int) -> dict[str, int]:
        """By device; the last is that of all others."""
        node = self.parts.get("commissioned")
        if isinstance(node, yaml.MappingNode):
            by_name = {name: self.time(n) for name, n in self.mapping("commissioned").items()}
            return {**by_name, ANY_DEVICE: unless_told}
        return {ANY_DEVICE: unless_told if node is None else self.time(node)}

    def _breaks(self) -> dict[str, Instants]:
        return {
            name: np.array(
                [self.time(part) for part in self.source.sequence(node, "times")], dtype=np.int64
            )
            for name, node in self.mapping("breaks").items()
        }

    def _earlier(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """By series: the devices before its own, each with the time until which it was that."""
        return {
            name: tuple(
                (self.source.text(device, "a device"), self.time(until))
                for device, until in self.pairs(node)
            )
            for name, node in self.mapping("earlier").items()
        }

    def _reporting(self, names: Iterable[str]) -> dict[str, Reporting]:
        fromkeys = dict.fromkeys(names, Reporting.PERIODIC)
        for name, node in self.mapping("report").items():
            fromkeys[name] = Reporting(self.word(node, tuple(Reporting)))
        return fromkeys

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
        kinds = {
            name: Kind.STATE if reporting[name] is Reporting.ON_CHANGE else Kind.GAUGE
            for name in names
        }
        for _, rule in revisions:
            for call in _calls(rule):
                kind = {"sum": Kind.INCREMENT, "increase": Kind.COUNTER}.get(call.function)
                series = call.arguments[0]
                if kind is not None and isinstance(series, Name):
                    for name in group.get(series.name, (series.name,)):
                        kinds[name] = kind
        for name, node in self.mapping("kinds").items():
            kinds[name] = Kind(self.word(node, tuple(Kind)))
        return kinds

    def _intervals(self, names: Iterable[str]) -> dict[str, int | Steps]:
        intervals: dict[str, int | Steps] = dict.fromkeys(names, _USUAL_INTERVAL)
        node = self.parts.get("interval")
        if isinstance(node, yaml.MappingNode):
            for name, value in self.mapping("interval").items():
                intervals[name] = self.spans(value)
        elif node is not None:
            intervals = dict.fromkeys(names, self.duration(node))
        return intervals

    def _expected(self) -> list[str]:
        compared = self._compared_parts()
        lines: list[str] = []
        for node in self.sequence("log"):
            _check_keys(self.source, node, "an alarm", PARTS)
            parts = self.source.mapping(node, "an alarm")
            for needed in ("since", "began"):
                if needed not in parts:
                    raise RuleError(self.source.place(node), "an alarm needs `{needed}`", needed)
            lines.append(alarm_text(self.source.plain(node), compared))
        return lines

    def _compared_parts(self) -> frozenset[str]:
        alarms = [self.source.plain(node) for node in self.sequence("log")]
        return frozenset(key for key in OPTIONAL if any(key in alarm for alarm in alarms))


def _calls(rule: Rule | None) -> list[Call]:
    conditions = rule.conditions if rule else ()
    return [node for c in conditions for node in walk(c) if isinstance(node, Call)]
