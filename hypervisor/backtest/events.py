"""Events files: named floods, crossings of a condition, periods without an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from hypervisor.backtest.model import BacktestError
from hypervisor.base.instants import micros
from rules._check import check_condition
from rules._duration import HOUR, parse_duration
from rules._errors import RuleError
from rules._expression import parse
from rules._pack import rule_from_json
from rules._rule import SEVERITIES, Rule
from rules._tree import Name, walk
from rules._vocabulary import vocabulary
from rules._yaml import Source
from sensors._domain import Catalogue, catalogue
from sensors._foreign import ForeignError, read_text_file
from sensors._scalars import ScalarError, instant

_KEYS = (
    *("name", "site", "sites", "rules", "severity", "from", "to", "when"),
    *("crossings", "apart", "lead", "expect"),
)
DAY = 24 * HOUR  # µs
_MARK = "event:"  # begins the id of a rule whose alarms are the crossings of a condition


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of an events file. Times and durations in µs.

    `since` None: crossings of `condition` are events; those closer than `apart` are one. Else one
    event from `since` to `until`, which counts from its first crossing of `condition`, if any.
    `nothing`: nothing happened. An alarm may begin `lead` before its event; it counts from when it
    reached `severity`. `sites` and `rules` empty: all.
    """

    number: int
    name: str
    sites: tuple[str, ...]
    rules: tuple[str, ...]
    severity: str | None
    since: int | None
    until: int | None
    condition: str | None
    apart: int
    lead: int
    nothing: bool

    @property
    def rule_id(self) -> str:
        return f"{_MARK}{self.number}"


def is_event(rule: str) -> bool:
    """Whether a rule's alarms are crossings of an event's condition."""
    return rule.startswith(_MARK)


def read_events(name: str) -> list[Entry]:
    """An events file, or the shipped events of a river by their name; RuleError with its place."""
    ours = {
        file.name.removesuffix(".yaml"): file
        for file in resources.files("hypervisor.backtest").joinpath("known").iterdir()
    }
    path: Path | Traversable = Path(name)
    if not path.is_file() and name in ours:
        path = ours[name]
    try:
        with path.open("rb") as opened:
            text = read_text_file(opened)
    except (OSError, UnicodeDecodeError, ForeignError) as error:
        raise BacktestError(
            "{name} cannot be read: {error}; expected a file, or one of {ours}",
            name,
            error,
            ", ".join(sorted(ours)),
        ) from error
    return parse_events(text, file=name)


def parse_events(text: str, *, file: str) -> list[Entry]:
    """The entries of an events file; RuleError with file, line and column."""
    source = Source(file)
    nodes = source.sequence(source.compose(text), "a list of events")
    return [_Reader(source, node).entry(number) for number, node in enumerate(nodes, start=1)]


def rules_of(entries: Sequence[Entry], catalogue: Catalogue) -> list[Rule]:
    """The conditions of events as rules, whose alarms are the crossings."""
    rules: list[Rule] = []
    for entry in entries:
        if entry.condition:
            written = {"id": entry.rule_id, "title": entry.name, "severity": "info"}
            written |= {"when": entry.condition, "domain": ""}
            names = rule_from_json(written).names
            domains = [catalogue.domain_of[name] for name in names if name in catalogue.domain_of]
            rules.append(rule_from_json({**written, "domain": "".join(domains[:1])}))
    return rules


class _Reader:
    """Reads one entry; errors have their place."""

    def __init__(self, source: Source, node: yaml.Node) -> None:
        self._source, self._node = source, node
        self._parts: Mapping[str, yaml.Node] = source.mapping(node, "an event", _KEYS)

    def entry(self, number: int) -> Entry:
        since, until = self._time("from"), self._time("to")
        crossings, when = self._condition("crossings"), self._condition("when")
        name = self._text("name") or ""
        if not name:
            self._refuse("an event needs a `name`")
        if (crossings is None) == (since is None):
            self._refuse(f"{name!r} needs either `crossings`, or `from` and `to`")
        if (since is None) != (until is None) or (since or 0) > (until or 0):
            self._refuse(f"{name!r}: `from` must have a `to` that lies after it")
        expect = self._text("expect")
        if expect not in (None, "nothing"):
            self._refuse(f"expect: {expect!r}; the only value is: nothing")
        severity = self._text("severity")
        if severity is not None and severity not in SEVERITIES:
            self._refuse(f"severity {severity!r} is none of {', '.join(SEVERITIES)}")
        return Entry(
            number=number,
            name=name,
            sites=(*self._words("site"), *self._words("sites")),
            rules=self._words("rules"),
            severity=severity,
            since=since,
            until=until,
            condition=crossings or when,
            apart=self._duration("apart"),
            lead=self._duration("lead"),
            nothing=expect is not None,
        )

    def _refuse(self, problem: str) -> None:
        raise RuleError(self._source.place(self._node), problem)

    def _text(self, key: str) -> str | None:
        if key not in self._parts:
            return None
        return self._source.text(self._parts[key], f"`{key}`").strip()

    def _words(self, key: str) -> tuple[str, ...]:
        node = self._parts.get(key)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self._source.text(word, f"one of `{key}`") for word in node.value)
        text = self._text(key)
        return () if text is None else (text,)

    def _time(self, key: str) -> int | None:
        text = self._text(key)
        if text is None:
            return None
        try:
            return micros(instant(text.replace(" ", "T")))
        except ScalarError as error:
            raise RuleError(self._source.place(self._parts[key]), str(error)) from error

    def _duration(self, key: str) -> int:
        text = self._text(key)
        return DAY if text is None else parse_duration(text, self._source.place(self._parts[key]))

    def _condition(self, key: str) -> str | None:
        """A condition in the language of rules, checked."""
        text = self._text(key)
        if text is None:
            return None
        place = self._source.place(self._parts[key])
        condition = check_condition(parse(text, place), vocabulary(catalogue()))
        if not any(isinstance(node, Name) for node in walk(condition)):
            raise RuleError(place, "{text!r} names no series, such as discharge > 40 m3/s", text)
        return text
