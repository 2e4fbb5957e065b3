"""Which rule inhibits which: whether there is such a rule, and that no circle silences itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rules._errors import RuleError
from sensors._errors import Message, Place
from sensors._nearest import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A rule inhibits another, and where that is written."""

    rule: str
    inhibits: str
    place: Place


def check_mentions(some: Iterable[Mention], rules: Mapping[str, Iterable[str]]) -> None:
    """Whether the rules mentioned are known. `known`: all rules, with what each inhibits.

    What `some` write of a rule stands in the place of what is known of it.

    Raises:
        RuleError: one is not, a rule inhibits itself, or some inhibit each other.
    """
    mentions = list(some)
    for mention in mentions:
        if mention.inhibits not in rules:
            hint = did_you_mean(mention.inhibits, rules)
            message = Message(
                "{rule!r} inhibits the unknown rule {name!r}{hint}",
                mention.rule,
                mention.inhibits,
                hint,
            )
            raise RuleError(mention.place, message)
    check_circles(mentions, rules)


def check_circles(
    some: Iterable[Mention], rules: Mapping[str, Iterable[str]] | None = None
) -> None:
    """Whether no alarm silences what silences it.

    Raises:
        RuleError: some do, at the mention that closes the circle; it names the circle.
    """
    mentions = list(some)
    onward: dict[str, list[str]] = {}
    for mention in mentions:
        onward.setdefault(mention.rule, []).append(mention.inhibits)
    graph = {**(rules or {}), **onward}
    for mention in mentions:
        if mention.inhibits == mention.rule:
            raise RuleError(mention.place, "rule {rule!r} cannot inhibit itself", mention.rule)
        back = _way(graph, mention.inhibits, mention.rule)
        if back:
            named = ", which inhibits ".join(map(repr, back))
            raise RuleError(
                mention.place,
                "{rule!r} inhibits {named}: alarms that suppress each other notify no one; "
                "let the more severe one inhibit the other, and remove one of these",
                mention.rule,
                named,
            )


def _way(graph: Mapping[str, Iterable[str]], start: str, end: str) -> list[str]:
    """The shortest way from one rule to another, both included; empty: there is none."""
    ways, seen = [[start]], {start}
    for way in ways:
        if way[-1] == end:
            return way
        for name in graph.get(way[-1], ()):
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
