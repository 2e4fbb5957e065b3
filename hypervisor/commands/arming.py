"""Armed rules: where one may send by itself, and why it does not."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.base.translation import mark
from hypervisor.commands import queries, queries_arming
from hypervisor.commands.model import CommandState, NoCommandError
from hypervisor.commands.queries_arming import Arming
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry.model import Registry
from rules._proposal import PROPOSE, ProposedCommand, proposals_of
from rules._rule import judged_by
from sensors._command import CommandError
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean

BY_RULE = "rule/"  # before the rule's name, as the author of what it orders
FRESH = timedelta(minutes=15)  # how old an alarm may be on which a rule sends by itself
LONGEST = timedelta(days=366)
SUPPRESSED = mark("its alarm was suppressed: a person decides, also when that ends")


def armed_text(written: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a rule as a revision stores it, what an administrator arms: when it alarms, what it sends.

    Its texts may change without arming it again.
    """
    return {**(judged_by(written) or {}), PROPOSE: (written or {}).get(PROPOSE, [])}


def is_valid(arming: Arming, rules: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the rule has been as it was armed ever since. `rules`: those in force."""
    return is_unrevised(arming, rules.get(arming.rule))


def is_unrevised(arming: Arming, written: Mapping[str, Any] | None) -> bool:
    """Whether no revision since has changed what was armed: a rollback does not arm it again.

    `written`: the rule in force.
    """
    revisions = [*arming.since, written]
    return bool(arming.since) and all(
        each is not None and armed_text(each) == arming.written for each in revisions
    )


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What decides whether a rule sends by itself. `sites`: where the devices stand.

    `armed`: what is, of this rule; `written`: the rule in force; `busy`: devices under way.
    """

    live: bool
    now: datetime
    sites: Collection[str]
    armed: Sequence[Arming]
    written: Mapping[str, Any] | None
    suppressed: bool = False
    busy: Sequence[str] = ()


def find_obstacle(proposal: Proposal, situation: Situation) -> Message | None:
    """Why a rule does not send what it proposes as automatic; None: it sends."""
    return next(_list_obstacles(proposal, situation), None)


def _list_obstacles(proposal: Proposal, situation: Situation) -> Iterator[Message]:
    began, now = proposal.began, situation.now
    if not situation.live:
        yield Message("in an exercise no rule sends by itself")
    if began is None or now - began > FRESH:
        yield Message("its alarm did not begin within the last 15 min")
        return
    by_site = {arming.site: arming for arming in situation.armed if arming.starts <= now}
    for site in sorted(situation.sites):
        if site not in by_site:
            yield Message("its rule is not armed at {site}", site)
        elif not is_unrevised(by_site[site], situation.written):
            yield Message("its rule was revised since it was armed at {site}", site)
        elif began < by_site[site].starts:
            yield Message("its alarm had begun when its rule was armed at {site}", site)
    if proposal.barred is not None:
        yield Message(proposal.barred)
    if situation.suppressed:
        yield Message(SUPPRESSED)
    if situation.busy:
        yield Message("another command to {name} is under way", situation.busy[0])


@dataclass(frozen=True, kw_only=True)
class ArmingOrder:
    """What an administrator decides. `ends` None: disarm; `starts` None: from now on."""

    rule: str
    site: str
    ends: datetime | None
    starts: datetime | None = None
    author: str
    reason: str


def rules_in_force(registry: Registry, now: datetime) -> dict[str, Mapping[str, Any]]:
    """The rules in force as revisions store them."""
    written = {
        revision.key: revision.value
        for revision in registry.revisions
        if revision.kind == "rule" and revision.effective <= now
    }
    return {key: value for key, value in written.items() if value is not None}


def list_automatic(written: Mapping[str, Any], catalogue: Catalogue) -> list[ProposedCommand]:
    """What a rule could send by itself. Raises RuleError."""
    return [each for each in proposals_of(written, catalogue) if each.automatic]


def check(registry: Registry, catalogue: Catalogue, order: ArmingOrder, now: datetime) -> None:
    """Whether it can be decided so.

    Raises:
        NoCommandError: there is no such rule or site.
        CommandError: it sends nothing, nothing there obeys it, or its times are wrong.
    """
    rules = rules_in_force(registry, now)
    if order.site not in registry.sites:
        hint = did_you_mean(order.site, registry.sites)
        raise NoCommandError("there is no site {name!r}{hint}", order.site[:60], hint)
    if not order.reason.strip():
        raise CommandError("no reason is given; say why in a few words")
    if order.ends is None:
        return  # also a rule that is withdrawn is disarmed
    if order.rule not in rules:
        hint = did_you_mean(order.rule, rules)
        raise NoCommandError("there is no rule {name!r}{hint}", order.rule[:60], hint)
    automatic = list_automatic(rules[order.rule], catalogue)
    if not automatic:
        raise CommandError(
            "{rule} proposes nothing with `automatic: true`: nothing can be armed", order.rule
        )
    kinds = {each.kind.name for each in automatic}
    models = [
        catalogue.models.get(device.model or "")
        for device in registry.devices.values()
        if device.site == order.site
    ]
    if not any(model is not None and kinds.intersection(model.commands) for model in models):
        raise CommandError("nothing at {site} obeys what {rule} sends", order.site, order.rule)
    starts = order.starts or now
    if order.ends.tzinfo is None or starts.tzinfo is None:
        raise CommandError("a time has no offset: write Z for UTC")
    if not max(starts, now) < order.ends <= starts + LONGEST:
        raise CommandError("a rule is armed until a time to come, within a year of its beginning")


def record(connection: Connection, registry: Registry, order: ArmingOrder, now: datetime) -> None:
    """Record a decision that was checked; what a disarmed rule has ordered there is not sent."""
    written = rules_in_force(registry, now).get(order.rule)
    arms = order.ends is not None
    queries_arming.insert_arming(
        connection,
        rule=order.rule,
        site=order.site,
        written=armed_text(written) if arms else None,
        starts=max(order.starts or now, now) if arms else now,
        ends=order.ends,
        author=order.author,
        reason=order.reason.strip(),
    )
    if not arms:
        queries.move(
            connection,
            queries_arming.list_unsent(connection, f"{BY_RULE}{order.rule}", order.site),
            CommandState.CANCELLED,
            states=[CommandState.QUEUED],
            at=now,
            who=order.author,
            why=order.reason.strip(),
        )
    audit.record(
        connection,
        kind="command",
        subject=order.site,
        reason=order.reason,
        author=order.author,
        details={
            "act": "arm" if arms else "disarm",
            "rule": order.rule,
            "until": None if order.ends is None else order.ends.isoformat(),
        },
    )


def change(
    connection: Connection, registry: Registry, catalogue: Catalogue, order: ArmingOrder
) -> None:
    """Arm a rule at a site, or disarm it; raises as `check`."""
    now = queries.read_clock(connection)
    check(registry, catalogue, order, now)
    record(connection, registry, order, now)
