"""A rule out of its YAML mapping: the one reader for packs, revisions and worked cases."""

from typing import Literal, cast

import yaml

from rules._bounds import STEPS, TESTS, bounded_size
from rules._check import check_condition
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._expression import parse
from rules._functions import FUNCTIONS
from rules._read_notices import NOTICE_KEYS, NoticeReader
from rules._rule import CATEGORIES, SEVERITIES, SUBJECTS, PackTest, Rule, Step
from rules._texts import FRENCH, read_french, read_texts
from rules._tree import Call, Node, walk
from rules._vocabulary import Vocabulary
from rules._yaml import Source
from sensors._nearest import did_you_mean

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
                    "{function} cannot stand beside silent: silence is judged by what had arrived, "
                    "a window by what was measured; write last, last_change or change here, or "
                    "make two rules of it",
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
        bounded_size(nodes, STEPS, "steps", self._source.place(parts["steps"]))
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
