"""Rule packs: `rules/<domain>.yaml`, read with the line and column of every slip."""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rules._errors import RuleError
from rules._hysteresis import check_hysteresis
from rules._inhibition import Mention, check_circles, check_mentions
from rules._proposal import read_proposals
from rules._read import RULE_KEYS, names, read_rule
from rules._rule import DEVICE, SEVERITIES, Rule
from rules._texts import check_names
from rules._tree import Name, walk
from rules._vocabulary import Vocabulary, vocabulary
from rules._yaml import Source, as_yaml
from sensors._domain import catalogue
from sensors._errors import Place

_NEEDED = ("id", "title", "severity", "advice", "wrong when", "tests")


@dataclass(frozen=True, kw_only=True)
class Pack:
    """The rules of one domain, in the order written.

    `mentions`: the rules that its rules inhibit, and where that is written.
    """

    domain: str
    file: str
    rules: tuple[Rule, ...]
    mentions: tuple[Mention, ...] = ()


def load_pack(text: str, *, file: str, domain: str, words: Vocabulary | None = None) -> Pack:
    """Read and check a pack; its words are the catalogue's unless given.

    Raises:
        RuleError: with file, line, column, what was expected and the nearest right word.
    """
    words = words or vocabulary(catalogue())
    source = Source(file)
    rules_by_id: dict[str, Rule] = {}
    mentions: list[Mention] = []
    for node in source.sequence(source.compose(text), "a pack of rules"):
        place = source.place(node)
        parts = source.mapping(node, "a rule", RULE_KEYS)
        for needed in _NEEDED:
            if needed not in parts:
                raise RuleError(place, "a rule in a pack needs `{needed}`", needed)
        rule = read_rule(node, source, words, domain=domain)
        _check_whole(rule, place)
        check_names(source, parts, rule.per)
        read_proposals(source, parts, catalogue())
        if rule.id in rules_by_id:
            raise RuleError(place, "rule {rule!r} appears twice", rule.id)
        rules_by_id[rule.id] = rule
        mentions += [
            Mention(rule=rule.id, inhibits=name, place=source.place(at))
            for name, at in names(source, parts)
        ]
    check_circles(mentions)
    _check_suppressible(mentions, rules_by_id)
    rules = tuple(rules_by_id.values())
    return Pack(domain=domain, file=file, rules=rules, mentions=tuple(mentions))


def _check_suppressible(mentions: Iterable[Mention], rules: Mapping[str, Rule]) -> None:
    """No rule inhibits one that is never suppressed."""
    for mention in mentions:
        inhibited = rules.get(mention.inhibits)
        if inhibited is not None and inhibited.never_suppressed:
            raise RuleError(
                mention.place, "{rule!r} is never suppressed: nothing inhibits it", inhibited.id
            )


def _check_whole(rule: Rule, place: Place) -> None:
    if not rule.id.startswith(f"{rule.domain}-"):
        raise RuleError(
            place, "rule {rule!r} must be named {domain}-…, after its domain", rule.id, rule.domain
        )
    _check_share(rule, place)
    _check_steps(rule)
    check_hysteresis(rule)


def _check_steps(rule: Rule) -> None:
    """They climb, each more severe than the one before."""
    below = rule.severity
    for step in rule.steps:
        if SEVERITIES.index(step.severity) <= SEVERITIES.index(below):
            raise RuleError(
                step.when.place,
                "the steps of {rule!r} must rise: {later} comes after {earlier}; from the "
                "lowest, severities are {severities}",
                rule.id,
                step.severity,
                below,
                ", ".join(SEVERITIES),
            )
        below = step.severity


def _check_share(rule: Rule, place: Place) -> None:
    """Only a group has members, and only a site an upstream; one word means one thing."""
    if rule.shares and rule.per != "group":
        function = rule.shares[0].function
        raise RuleError(
            place, "rule {rule!r} uses {function} and is not `per: group`", rule.id, function
        )
    if rule.upstreams and rule.per == "group":
        raise RuleError(
            place, "rule {rule!r} is `per: group`, and no group has an upstream", rule.id
        )
    if rule.forecasts and rule.per != "site":
        raise RuleError(
            place, "rule {rule!r} uses a forecast and is not `per: site`, as models are", rule.id
        )
    if any(isinstance(node, Name) and node.name == DEVICE for node in rule.inside):
        raise RuleError(
            place, "rule {rule!r} has a device in a share; name a series of it", rule.id
        )
    both = sorted(set(rule.shared) & set(rule.plain))
    if both:
        raise RuleError(
            place,
            "rule {rule!r} names {series} both inside a share and outside of one",
            rule.id,
            both[0],
        )
    if not any(isinstance(node, Name) for node in walk(rule.when)):
        raise RuleError(place, "`when` of {rule!r} names no series; what should it watch?", rule.id)


def packs() -> list[Pack]:
    """Every pack of this package, by scanning; called from entry points, never at import.

    Raises:
        RuleError: a pack has a slip, or two rules share an id.
    """
    words = vocabulary(catalogue())
    loaded: list[Pack] = []
    seen: dict[str, str] = {}
    folders = [Path(folder) for folder in importlib.import_module("rules").__path__]
    files = sorted(
        (file for folder in folders for file in folder.iterdir()), key=lambda entry: entry.name
    )
    for file in files:
        if not file.name.endswith(".yaml"):
            continue
        name, domain = f"rules/{file.name}", file.name.removesuffix(".yaml")
        pack = load_pack(file.read_text(encoding="utf-8"), file=name, domain=domain, words=words)
        for rule in pack.rules:
            if rule.id in seen:
                place = Place(file=name, line=1, column=1)
                raise RuleError(place, "rule {rule!r} is already in {file}", rule.id, seen[rule.id])
            seen[rule.id] = str(file)
        loaded.append(pack)
    check_mentions(
        [mention for pack in loaded for mention in pack.mentions], dict.fromkeys(seen, ())
    )
    return loaded


def rule_from_json(written: Mapping[str, Any]) -> Rule:
    """A rule as a revision stores it (`Rule.to_json`), read again.

    Raises:
        RuleError: the catalogue no longer has a word of it.
    """
    body = {key: value for key, value in written.items() if key != "domain"}
    source = Source(f"<revision of {written.get('id', 'a rule')}>")
    words = vocabulary(catalogue())
    domain = str(written.get("domain", ""))
    return read_rule(source.compose(as_yaml(body)), source, words, domain=domain)
