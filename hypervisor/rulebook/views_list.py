"""All rules by domain: how often each alarmed, when it is wrong, whom it silences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.registry import queries_revisions
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook import queries, views_words
from hypervisor.rulebook.queries import Raised
from hypervisor.rulebook.views_places import places
from hypervisor.rulebook.views_words import folded
from rules._errors import RuleError
from rules._pack import rule_from_json
from rules._rule import SEVERITIES, Rule

SPAN = timedelta(days=30)
_NEVER = Raised(times=0, standing=0, last=None)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One rule. `rule` None: it is withdrawn, or this version does not understand it."""

    id: str
    rule: Rule | None
    title: str
    severities: tuple[str, ...]
    sites: int
    raised: Raised
    wrong_when: str
    inhibits: tuple[tuple[str, str], ...]
    last: RecordedRevision


@dataclass(frozen=True, kw_only=True)
class Listing:
    """By domain, in the order of the catalogue; how many there are in all."""

    groups: tuple[tuple[str, tuple[Item, ...]], ...]
    count: int
    whole: int


def listing(context: RequestContext, request: Request, q: str, domain: str) -> Listing:
    """The rules that hold all words of `q` in what they say, of a domain or of all."""
    latest = queries_revisions.load_latest(context.connection, "rule")
    read = {key: read_rule(one.value) for key, one in latest.items()}
    titles = {key: views_words.title(rule) for key, rule in read.items() if rule is not None}
    applied = places(context, request)
    raised = queries.raised(context.connection, context.now() - SPAN)
    words = folded(q).split()
    found: dict[str, list[Item]] = {}
    for key, last in latest.items():
        item = _item(key, last, read[key], titles, applied, raised)
        said = folded(f"{key} {item.title} {item.wrong_when} {_conditions(item.rule)}")
        if all(word in said for word in words):
            found.setdefault(domain_of(key, context), []).append(item)
    order = [*context.catalogue.domains, ""]
    groups = [
        (name, tuple(sorted(found[name], key=lambda one: (one.rule is None, one.title))))
        for name in order
        if name in found and domain in ("", name)
    ]
    return Listing(
        groups=tuple(groups),
        count=sum(len(items) for _, items in groups),
        whole=len(latest),
    )


def domain_of(rule: str, context: RequestContext) -> str:
    """The domain that a rule's id begins with."""
    known = sorted(context.catalogue.domains, key=len, reverse=True)
    return next((name for name in known if rule.startswith(f"{name}-")), "")


def read_rule(value: Mapping[str, object] | None) -> Rule | None:
    """A revision as a rule; None where it is withdrawn or not understood."""
    return None if value is None else _read(json.dumps(value, sort_keys=True, default=str))


@lru_cache(maxsize=500)
def _read(written: str) -> Rule | None:
    try:
        return rule_from_json(json.loads(written))
    except RuleError:
        return None


def _item(  # noqa: PLR0913, PLR0917  what is known of all rules
    key: str,
    last: RecordedRevision,
    rule: Rule | None,
    titles: Mapping[str, str],
    applied: Mapping[str, Sequence[tuple[str, str]]],
    raised: Mapping[str, Raised],
) -> Item:
    severities: list[str] = []
    if rule is not None:
        told = {rule.severity, *(step.severity for step in rule.steps)}
        severities = sorted(told, key=SEVERITIES.index, reverse=True)
    return Item(
        id=key,
        rule=rule,
        title=titles.get(key, key),
        severities=tuple(severities),
        sites=len({site for site, _subject in applied.get(key, ())}),
        raised=raised.get(key, _NEVER),
        wrong_when="" if rule is None else views_words.wrong_when(rule),
        inhibits=()
        if rule is None
        else tuple((inhibit, titles.get(inhibit, inhibit)) for inhibit in rule.inhibits),
        last=last,
    )


def _conditions(rule: Rule | None) -> str:
    return "" if rule is None else f"{rule.written.get('when', '')} {rule.written.get('clear', '')}"
