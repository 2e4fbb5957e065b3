"""Armed rules on the console: what each sends, whether it does, who may change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base import reader
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.commands import queries, queries_arming, queries_targets
from hypervisor.commands.arming import is_valid, list_automatic
from hypervisor.commands.queries_arming import Arming
from hypervisor.commands.queries_targets import TargetFilter
from rules._errors import RuleError
from rules._proposal import ASSETS, SITE, ProposedCommand, proposals_of

_MOST = 2_000  # devices looked through for sites
_TARGETS = {
    SITE: mark("every device of the alarm's site that obeys"),
    ASSETS: mark("at the assets that the water reaches"),
}


@dataclass(frozen=True, kw_only=True)
class ArmedRow:
    """What is armed. `sends`: in words; `valid`: the rule is as it was armed; `coming`: later."""

    arming: Arming
    sends: Sequence[str]
    valid: bool
    coming: bool
    may_disarm: bool


@dataclass(frozen=True, kw_only=True)
class ArmedPage:
    """What is armed, and what this person could arm: rules, and sites by name with their titles."""

    rows: Sequence[ArmedRow]
    rules: Sequence[str]
    sites: Mapping[str, str]


def load_page(context: RequestContext, rules: Mapping[str, Mapping[str, Any]]) -> ArmedPage:
    """The page of armed rules. `rules`: those in force."""
    automatic = {name: _automatic(context, written) for name, written in rules.items()}
    kinds = {each.kind.name for proposed in automatic.values() for each in proposed}
    return ArmedPage(
        rows=list_rows(context, rules),
        rules=sorted(name for name, proposed in automatic.items() if proposed),
        sites=_list_sites(context, kinds),
    )


def list_rows(
    context: RequestContext, rules: Mapping[str, Mapping[str, Any]], rule: str | None = None
) -> list[ArmedRow]:
    """What is armed, of one rule or of all."""
    now = queries.read_clock(context.connection)
    disarming = [context.person.territory(duty) for duty in (Duty.ADMINISTER, Duty.COMMAND)]
    return [
        ArmedRow(
            arming=arming,
            sends=[describe(each) for each in _automatic(context, rules.get(arming.rule, {}))],
            valid=is_valid(arming, rules),
            coming=arming.starts > now,
            may_disarm=any(held.holds(arming.commune) for held in disarming),
        )
        for arming in queries_arming.list_armed(context.connection, rule)
    ]


def _automatic(context: RequestContext, written: Mapping[str, Any]) -> list[ProposedCommand]:
    try:
        return list_automatic(written, context.catalogue)
    except RuleError:  # a command that the catalogue no longer has
        return []


def list_proposed(context: RequestContext, written: Mapping[str, Any]) -> list[ProposedCommand]:
    """What a rule proposes; of a rule that cannot be read nothing."""
    try:
        return list(proposals_of(written, context.catalogue))
    except RuleError:
        return []


def describe(proposed: ProposedCommand) -> str:
    """What is proposed: `Move the barrier: closed`."""
    return proposed.kind.describe(proposed.parameters, reader.current().language)


def describe_target(proposed: ProposedCommand) -> str:
    """Where to, in words; a device or group by its name."""
    words = _TARGETS.get(proposed.target)
    return _(words) if words else proposed.target.partition("/")[2]


def _list_sites(context: RequestContext, kinds: set[str]) -> dict[str, str]:
    """Sites that this person administers where something obeys one of these kinds."""
    held = context.person.territory(Duty.ADMINISTER)
    models = [
        model.name
        for model in context.catalogue.models.values()
        if kinds.intersection(model.commands)
    ]
    if held.empty or not models:
        return {}
    rows = queries_targets.list_targets(
        context.connection,
        models,
        TargetFilter(),
        territory=held,
        now=context.now(),
        limit=_MOST,
    )
    return {row.site: row.site_title for row in rows}
