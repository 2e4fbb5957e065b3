"""A rule out of its YAML mapping: the one reader for packs, revisions and worked cases."""

import re
from typing import Literal, TypedDict, cast

import yaml

from rules._bounds import STEPS, TESTS, bounded_size
from rules._check import check_condition
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._expression import parse
from rules._functions import FUNCTIONS
from rules._proposal import PROPOSE
from rules._rule import (
    CATEGORIES,
    GROUPINGS,
    SEVERITIES,
    SUBJECTS,
    Chatter,
    Grouping,
    PackTest,
    Rule,
    Step,
)
from rules._texts import FRENCH, read_french, read_texts
from rules._tree import Call, Node, walk
from rules._vocabulary import Vocabulary
from rules._yaml import Source
from sensors._nearest import did_you_mean

NOTICE_KEYS = (
    *("inhibits", "group by", "labels", "remind", "escalate", "grace", "chatter", "suppress"),
)
_CHATTER = re.compile(r"\s*([0-9]{1,6})\s+in\s+(.+)")


class Notices(TypedDict):
    """The fields of a rule that are read here."""

    inhibits: tuple[str, ...]
    group_by: Grouping | None
    labels: dict[str, str]
    remind: int | None
    escalate: int | None
    grace: int | None
    chatter: Chatter | None
    never_suppressed: bool


class NoticeReader:
    """Reads these keys of one rule."""

    def __init__(self, source: Source, parts: dict[str, yaml.Node]) -> None:
        self._source = source
        self._parts = parts

    def read(self) -> Notices:
        """All of them.

        Raises:
            RuleError: one is not understood.
        """
        return Notices(
            inhibits=self._inhibits(),
            group_by=self._group_by(),
            labels=self._labels(),
            remind=self._duration("remind"),
            escalate=self._duration("escalate"),
            grace=self._duration("grace"),
            chatter=self._chatter(),
            never_suppressed=self._never_suppressed(),
        )

    def _never_suppressed(self) -> bool:
        if "suppress" not in self._parts:
            return False
        node = self._parts["suppress"]
        text = self._source.text(node, "never")
        if text != "never":
            raise RuleError(
                self._source.place(node), "suppress takes the word never, not {text!r}", text
            )
        for key in ("grace", "chatter"):
            if key in self._parts:
                raise RuleError(
                    self._source.place(self._parts[key]),
                    "a rule with `suppress: never` waits for nothing: remove `{key}`",
                    key,
                )
        return True

    def _inhibits(self) -> tuple[str, ...]:
        inhibited: list[str] = []
        for name, node in names(self._source, self._parts):
            if name in inhibited:
                raise RuleError(self._source.place(node), "{name!r} appears twice", name)
            inhibited.append(name)
        return tuple(inhibited)

    def _group_by(self) -> Grouping | None:
        if "group by" not in self._parts:
            return None
        node = self._parts["group by"]
        text = self._source.text(node, "what groups alarms")
        if text not in GROUPINGS:
            hint = did_you_mean(text, GROUPINGS)
            raise RuleError(self._source.place(node), "unknown group by {text!r}{hint}", text, hint)
        return cast("Grouping", text)

    def _labels(self) -> dict[str, str]:
        if "labels" not in self._parts:
            return {}
        labels = self._source.mapping(self._parts["labels"], "labels")
        return {key: self._source.text(node, f"label {key}") for key, node in labels.items()}

    def _duration(self, key: str) -> int | None:
        if key not in self._parts:
            return None
        node = self._parts[key]
        span = parse_duration(self._source.text(node, "a duration"), self._source.place(node))
        if span == 0 and key != "grace":
            raise RuleError(self._source.place(node), "{key} needs a duration above zero", key)
        return span

    def _chatter(self) -> Chatter | None:
        if "chatter" not in self._parts:
            return None
        node = self._parts["chatter"]
        text, place = self._source.text(node, "a chatter"), self._source.place(node)
        match = _CHATTER.fullmatch(text)
        if match is None or int(match[1]) < 2:
            raise RuleError(
                place,
                "{text!r} is not a chatter limit; expected alarms in a time, such as 5 in 1 h",
                text,
            )
        return Chatter(count=int(match[1]), span=parse_duration(match[2], place))


def names(source: Source, parts: dict[str, yaml.Node]) -> list[tuple[str, yaml.Node]]:
    """The rules that one inhibits, each with where it stands."""
    if "inhibits" not in parts:
        return []
    nodes = source.sequence(parts["inhibits"], "the ids of the rules that it inhibits")
    return [(source.text(node, "a rule's id"), node) for node in nodes]


BASED_ON = "based on"  # the revision that a file was written from; no part of what it says
RULE_KEYS = (
    "id",
    BASED_ON,
    "title",
    "per",
    "category",
    "when",
    "clear",
    "for",
    "keep for",
    "severity",
    "steps",
    *NOTICE_KEYS,
    PROPOSE,
    "advice",
    "wrong when",
    FRENCH,
    "tests",
)
_Per = Literal["site", "device", "group"]
_Category = Literal["hazard", "maintenance"]
_STEP = ("severity", "when", "clear", "for")


def read_rule(node: yaml.Node, source: Source, words: Vocabulary, *, domain: str) -> Rule:
    """Read and check one rule.

    Raises:
        RuleError: with its place, what was expected and the nearest right word.
        WaitingError: it uses a word that the language will have.
    """
    parts = source.mapping(node, "a rule", RULE_KEYS)
    reader = _Reader(source, words)
    texts = read_texts(source, parts)
    if "when" not in parts:
        raise RuleError(source.place(node), "a rule needs `when`, the condition that raises it")
    rule = Rule(
        id=reader.text(parts, "id", ""),
        title=texts.title,
        domain=domain,
        per=cast("_Per", reader.word(parts, "per", SUBJECTS)),
        category=cast("_Category", reader.word(parts, "category", CATEGORIES)),
        when=reader.condition(parts["when"]),
        clear=reader.condition(parts["clear"]) if "clear" in parts else None,
        hold=reader.duration(parts, "for"),
        keep=reader.duration(parts, "keep for"),
        severity=reader.word(parts, "severity", SEVERITIES, "major"),
        steps=reader.steps(parts),
        advice=texts.advice,
        wrong_when=texts.wrong_when,
        french=read_french(source, parts),
        **NoticeReader(source, parts).read(),
        tests=reader.tests(parts),
        written={key: source.plain(part) for key, part in parts.items() if key != BASED_ON},
    )
    _no_windows_in_silence(rule)
    return rule


def _no_windows_in_silence(rule: Rule) -> None:
    """A window knows what was measured; what had arrived of it by then it does not yet know."""
    if rule.axis != "silence":
        return
    for condition in rule.conditions:
        for part in walk(condition):
            if isinstance(part, Call) and FUNCTIONS[part.function].windowed:
                raise RuleError(
                    part.place,
                    "{function} cannot be combined with silent: silence is evaluated by arrival, a "
                    "window by measurement time; use last, last_change or change here, or write "
                    "two rules",
                    part.function,
                )


class _Reader:
    def __init__(self, source: Source, words: Vocabulary) -> None:
        self._source = source
        self._words = words

    def text(self, parts: dict[str, yaml.Node], key: str, default: str) -> str:
        return self._source.text(parts[key], key).strip() if key in parts else default

    def condition(self, node: yaml.Node) -> Node:
        text = self._source.text(node, "a condition")
        return check_condition(parse(text, self._source.place(node)), self._words)

    def duration(self, parts: dict[str, yaml.Node], key: str) -> int:
        if key not in parts:
            return 0
        text = self._source.text(parts[key], "a duration")
        return parse_duration(text, self._source.place(parts[key]))

    def word(
        self, parts: dict[str, yaml.Node], key: str, allowed: tuple[str, ...], default: str = ""
    ) -> str:
        """One of the words known; of a key that does not stand, the default or the first."""
        if key not in parts:
            return default or allowed[0]
        text = self._source.text(parts[key], f"a {key}")
        if text not in allowed:
            place = self._source.place(parts[key])
            raise RuleError(
                place, "unknown {key} {text!r}{hint}", key, text, did_you_mean(text, allowed)
            )
        return text

    def steps(self, parts: dict[str, yaml.Node]) -> tuple[Step, ...]:
        if "steps" not in parts:
            return ()
        nodes = self._source.sequence(parts["steps"], "steps")
        bounded_size(nodes, STEPS, "steps of one rule", self._source.place(parts["steps"]))
        return tuple(map(self._step, nodes))

    def _step(self, node: yaml.Node) -> Step:
        parts = self._source.mapping(node, "a step", _STEP)
        for needed in ("severity", "when"):
            if needed not in parts:
                raise RuleError(self._source.place(node), "a step needs `{needed}`", needed)
        return Step(
            severity=self.word(parts, "severity", SEVERITIES),
            when=self.condition(parts["when"]),
            clear=self.condition(parts["clear"]) if "clear" in parts else None,
            hold=self.duration(parts, "for"),
        )

    def tests(self, parts: dict[str, yaml.Node]) -> tuple[PackTest, ...]:
        if "tests" not in parts:
            return ()
        pack_tests: list[PackTest] = []
        nodes = self._source.sequence(parts["tests"], "tests")
        bounded_size(nodes, TESTS, "tests of one rule", self._source.place(parts["tests"]))
        for node in nodes:
            body = self._source.mapping(node, "a test")
            name = self.text(body, "name", "")
            line = self._source.place(node).line
            pack_tests.append(PackTest(name=name, line=line, body=self._source.plain(node)))
        return tuple(pack_tests)
