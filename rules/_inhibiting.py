"""Which rule inhibits which: whether there is such a rule, and that no circle silences itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rules._errors import RuleError, nearest
from rules._tree import Place


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A rule inhibits another, and where that is written."""

    rule: str
    inhibits: str
    place: Place


def check_mentions(some: Iterable[Mention], known: Mapping[str, Iterable[str]]) -> None:
    """Whether the rules mentioned are known. `known`: all rules, with what each inhibits.

    What `some` write of a rule stands in the place of what is known of it.

    Raises:
        RuleError: one is not, a rule inhibits itself, or some inhibit each other.
    """
    found = list(some)
    for one in found:
        if one.inhibits not in known:
            hint = nearest(one.inhibits, known)
            told = f"{one.rule!r} inhibits the unknown rule {one.inhibits!r}{hint}"
            raise RuleError(one.place, told)
    check_circles(found, known)


def check_circles(
    some: Iterable[Mention], known: Mapping[str, Iterable[str]] | None = None
) -> None:
    """Whether no alarm silences what silences it.

    Raises:
        RuleError: some do, at the mention that closes the circle; it names the circle.
    """
    found = list(some)
    onward: dict[str, list[str]] = {}
    for one in found:
        onward.setdefault(one.rule, []).append(one.inhibits)
    graph = {**(known or {}), **onward}
    for one in found:
        if one.inhibits == one.rule:
            raise RuleError(one.place, f"rule {one.rule!r} cannot inhibit itself")
        back = _way(graph, one.inhibits, one.rule)
        if back:
            named = ", which inhibits ".join(map(repr, back))
            raise RuleError(
                one.place,
                f"{one.rule!r} inhibits {named}: alarms that silence each other would tell"
                " nobody; let the graver inhibit the other, and take one of these out",
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
